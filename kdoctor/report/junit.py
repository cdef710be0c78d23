"""JUnit XML as Jenkins (junit plugin) and GitLab (ci/testing/unit_test_reports) read it.

One suite: a case for each step of the walk and for each diagnosis. A case fails only where the
exit status says so too: with findings below the threshold everything passes and is told in system-out.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from kdoctor.listings import Offer
from kdoctor.model import CUT, UNSEEN, Check, Diagnosis, Report, Role, Route, Verdict
from kdoctor.report import Options, safety
from kdoctor.report.diagnosis import put_diagnosis, put_refuted, put_secondary
from kdoctor.report.layout import Page, joined
from kdoctor.report.nearest import put_nearest
from kdoctor.report.walk import route_text
from kdoctor.report.words import Words, words


def render(report: Report, options: Options) -> str:
    """Return the XML document."""
    say = words(report.lang)
    bad = report.at_least(options.fail_on)
    cases = [_check(check, say, fails=bool(bad)) for check in report.checks]
    cases += [_diagnosis(diagnosis, say, fails=diagnosis in bad) for diagnosis in report.diagnoses]
    cases += [_offer(offer, say) for offer in report.offers]
    cases += [_route(route, say) for route in report.routes if report.command == "route"]
    if not cases:
        cases = [_nothing(report, say)]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": "0",
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": f"{report.seconds:.3f}",
    }
    root = ET.Element("testsuites", {"name": "kdoctor", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": f"kdoctor {safety.one_line(report.command)}", **counts})
    suite.extend(cases)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(classname: str, name: str, seconds: float = 0.0) -> ET.Element:
    shown = {"classname": safety.one_line(classname), "name": safety.one_line(name)}
    return ET.Element("testcase", {**shown, "time": f"{seconds:.3f}"})


def _check(check: Check, say: Words, *, fails: bool) -> ET.Element:
    vantage = check.vantage.replace(".", "_") or "shell"
    case = _case(f"kdoctor.check.{vantage}", f"{check.id} {check.target}", check.seconds)
    outcome = safety.one_line(check.outcome)
    if check.skipped:
        ET.SubElement(case, "skipped", {"message": safety.one_line(check.skipped)})
    elif check.outcome in (UNSEEN, CUT):
        word = say.unseen if check.outcome == UNSEEN else say.cut
        ET.SubElement(case, "skipped", {"message": safety.one_line(f"{word}{say.colon}{check.detail}")})
    elif not check.ok and fails:
        failure = ET.SubElement(case, "failure", {"message": outcome, "type": outcome})
        failure.text = safety.one_line(check.detail or check.outcome)
    elif not check.ok:
        ET.SubElement(case, "system-out").text = safety.one_line(f"{outcome}{say.colon}{check.detail}")
    return case


def _diagnosis(diagnosis: Diagnosis, say: Words, *, fails: bool) -> ET.Element:
    case = _case(f"kdoctor.{diagnosis.layer}", f"{diagnosis.rule}{say.colon}{diagnosis.title}")
    page = Page(100)
    if diagnosis.verdict is Verdict.REFUTED:
        put_refuted(page, diagnosis, say, verbose=0)
    elif diagnosis.role in (Role.CONSEQUENCE, Role.ALTERNATIVE):
        put_secondary(page, diagnosis, say)
    else:
        put_diagnosis(page, diagnosis, say, verbose=0)
    text = "\n" + joined(page.finished())
    if fails:
        message = safety.one_line(f"{diagnosis.title}{say.colon}{diagnosis.because}")
        ET.SubElement(case, "failure", {"message": message, "type": safety.one_line(diagnosis.rule)}).text = text
    else:
        ET.SubElement(case, "system-out").text = text
    return case


def _offer(offer: Offer, say: Words) -> ET.Element:
    """Return a case that fails only where the mirror's content differs: one that is down is no defect of ours."""
    case = _case("kdoctor.mirrors", f"{offer.of} {offer.repository}", offer.seconds)
    if offer.same is False:
        message = safety.one_line(f"{say.digest_beware} {offer.digest}")
        ET.SubElement(case, "failure", {"message": message, "type": "other-digest"})
    elif not offer.serves:
        ET.SubElement(case, "skipped", {"message": safety.one_line(f"{offer.outcome}{say.colon}{offer.detail}")})
    return case


def _route(route: Route, say: Words) -> ET.Element:
    """Return a case that no way fails: which proxy is right, only the person knows."""
    case = _case(f"kdoctor.route.{route.vantage.replace('.', '_')}", route.url)
    text = safety.one_line(route_text(route, say))
    if route.unseen:
        ET.SubElement(case, "skipped", {"message": text})
    else:
        ET.SubElement(case, "system-out").text = text
    return case


def _nothing(report: Report, say: Words) -> ET.Element:
    """Return a case for a report without any: some readers refuse an empty suite."""
    case = _case("kdoctor", report.command)
    if report.blind or report.status.value == "unknown":
        text = say.unknown_text if report.command == "explain" else say.unknown_checks
        ET.SubElement(case, "skipped", {"message": text})
    if report.nearest:
        page = Page(100)
        put_nearest(page, report.nearest, say)
        ET.SubElement(case, "system-out").text = "\n" + joined(page.finished())
    return case
