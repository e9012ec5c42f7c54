"""Falco's own vectors often use fields of the syscall source, which the engine doesn't have: stand-ins for them.

They are always missing, so that everything but their values can be tested.
"""

from __future__ import annotations

from ecsaudit.engine.fields import Argument, FieldDefinition, FieldType

TEXTS = (
    "c.true evt.type evt.dir evt.args fd.name fd.filename fd.typechar some.field ka.verb ka.field jevt.field proc.cmdline "
    "proc.exepath proc.name proc.pname user.name container.info"
)
NUMBERS = "evt.count evt.cpu fd.cport fd.dev fd.port proc.pid proc.pid.ts thread.cpu user.loginuid"
FLAGS = "evt.is_io evt.is_open_read"


def stand_ins() -> dict[str, FieldDefinition]:
    """The fields by name."""
    found = {name: _missing(name, FieldType.TEXT) for name in TEXTS.split()}
    found |= {name: _missing(name, FieldType.NUMBER) for name in NUMBERS.split()}
    found |= {name: _missing(name, FieldType.BOOL) for name in FLAGS.split()}
    found["proc.aname"] = _missing("proc.aname", FieldType.TEXT, Argument.INDEX)
    found["proc.apid"] = _missing("proc.apid", FieldType.NUMBER, Argument.INDEX)
    found["evt.arg"] = _missing("evt.arg", FieldType.TEXT, Argument.INDEX)
    found["evt.arg.path"] = _missing("evt.arg.path", FieldType.TEXT)
    return found


def _missing(name: str, type_: FieldType, argument: Argument = Argument.NONE) -> FieldDefinition:
    return FieldDefinition(name, "", lambda text: lambda record: None, type_, argument=argument)
