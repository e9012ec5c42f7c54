"""Template filters for text that attackers write; autoescape does the rest."""

from django import template

from ecsaudit import visible as marks

register = template.Library()


@register.filter
def visible(value: object) -> str:
    """One line with every invisible character as a mark."""
    return marks.visible(str(value))


@register.filter
def visible_lines(value: object) -> str:
    """The same for <pre>: a line break is marked and still breaks the line."""
    return marks.visible(str(value), keep_lines=True)


@register.filter
def visible_code(value: object) -> str:
    """The same for texts that are made of lines, such as rule files: a line break only breaks the line."""
    return "\n".join(map(marks.visible, str(value).split("\n")))


@register.filter
def visible_short(value: object, length: int) -> str:
    return marks.shortened(str(value), length)
