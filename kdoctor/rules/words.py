"""The sentences of a verdict that no rule says itself, in English and Chinese."""

from __future__ import annotations

import re
from typing import NamedTuple

_SENTENCES = {
    "en": {
        "no-probe": "Nothing on this machine can be asked to prove it.",
        "unseen": "Could not look: {why}.",
        "cut": "The deadline came before the probes had answered.",
        "foreign": "{what} stands in no settings found here; the text may come from another machine.",
        "undecided": "The probes do not decide it: {what}",
        "off": "Not probed (--no-probe).",
        "elsewhere": "Not probed: the text comes from another machine (--elsewhere).",
        "many": "Not probed: only the first failures of a long text are.",
    },
    "zh": {
        "no-probe": "本机上没有可用来验证的手段。",
        "unseen": "无法查看：{why}。",
        "cut": "探测尚未完成，时限已到。",
        "foreign": "{what} 不在本机的任何设置中；该文本可能来自另一台机器。",
        "undecided": "探测结果不足以判断：{what}",
        "off": "未探测（--no-probe）。",
        "elsewhere": "未探测：文本来自另一台机器（--elsewhere）。",
        "many": "未探测：长文本只探测最前面的几个故障。",
    },
}

_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")


class Words(NamedTuple):
    """Sentences in one language; languages that are not there fall back to English."""

    lang: str = "en"

    def say(self, key: str, **values: str) -> str:
        """Return the sentence with its values put in once."""
        sentence = _SENTENCES.get(self.lang, _SENTENCES["en"])[key]
        return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), sentence)
