"""The sentences of `kdoctor fix`, `undo` and `history`, in English and Chinese."""

from __future__ import annotations

_SENTENCES = {
    "en": {
        "by-hand": "{title} ({rule}): kdoctor cannot fix this by itself here.",
        "with-recipe": "It makes this one where you ask for it: {command}",
        "with-fact": "It can with what you give it: {command}",
        "steps": "`kdoctor explain {rule}` and `kdoctor check` tell the steps.",
        "unproven": "{title} ({rule}) is not proven; to fix it anyway: kdoctor fix {rule}",
        "blind": "Nothing wrong was found, but not everything could be looked at; `kdoctor check` says what.",
        "nothing": "Nothing to fix: what was looked at works.",
        "done": "Done; this is fix {number} (kdoctor undo {number} takes it back).",
        "then-check": "{what} Then see whether it helped: kdoctor check",
        "later": "It counts from the next login on: log out and in again, then ask: kdoctor check",
        "new-shells": "New shells have it; this one by: . {file}",
        "helped": "It helped: {what}.",
        "no-help": "It did not help: {what}.",
        "taken-back": "The fix {number} was taken back; every file is as before.",
        "take-back": "To take it back: kdoctor undo {number}",
        "undo": "Undo of fix {number}: {title}",
        "undone": "The fix {number} is undone; every file is as before.",
        "none": "No fix was made here by this user.",
        "interrupted": "The fix {number} was interrupted; kdoctor undo {number} takes it back.",
        "still": "{title} ({rule}): it is still so",
        "another": "the failure is another one now: {title} ({rule})",
        "works": "every step to the image works now",
        "gone": "the failure is gone",
    },
    "zh": {
        "by-hand": "{title}（{rule}）：kdoctor 在这里不能自己修复。",
        "with-recipe": "指定后可以执行：{command}",
        "with-fact": "给出所需的值就可以：{command}",
        "steps": "`kdoctor explain {rule}` 和 `kdoctor check` 说明步骤。",
        "unproven": "{title}（{rule}）没有得到证实；仍要修复：kdoctor fix {rule}",
        "blind": "没有发现问题，但有些地方无法查看；`kdoctor check` 会说明。",
        "nothing": "没有要修复的：查看过的都正常。",
        "done": "完成；这是第 {number} 号修复（kdoctor undo {number} 可以撤销）。",
        "then-check": "{what} 然后看是否有效：kdoctor check",
        "later": "下次登录后生效：请注销并重新登录，然后运行：kdoctor check",
        "new-shells": "新的 shell 会使用它；当前 shell 运行：. {file}",
        "helped": "有效：{what}。",
        "no-help": "没有效果：{what}。",
        "taken-back": "第 {number} 号修复已撤回；所有文件恢复原样。",
        "take-back": "要撤回：kdoctor undo {number}",
        "undo": "撤销第 {number} 号修复：{title}",
        "undone": "第 {number} 号修复已撤销；所有文件恢复原样。",
        "none": "当前用户在这里没有做过修复。",
        "interrupted": "第 {number} 号修复中途中断；kdoctor undo {number} 可以撤销。",
        "still": "{title}（{rule}）：仍然如此",
        "another": "现在是另一个故障：{title}（{rule}）",
        "works": "到镜像的每一步现在都正常",
        "gone": "故障已消失",
    },
}


def fix_sentence(lang: str, key: str, **values: str | int) -> str:
    """Return a sentence with its values put in once; languages that are not there fall back to English."""
    sentence = _SENTENCES.get(lang, _SENTENCES["en"])[key]
    parts = sentence.split("{")
    filled = [parts[0]]
    for part in parts[1:]:
        name, _, rest = part.partition("}")
        filled.append(f"{values[name]}{rest}")
    return "".join(filled)
