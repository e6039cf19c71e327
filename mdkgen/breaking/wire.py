"""What is on the wire: names, keys, types. A field is the same if its key is; one with another key, if its name is."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.breaking.change import BOTH, Change, Pair, Version, change, new_to_old, old_to_new
from mdkgen.breaking.types import by_key
from mdkgen.model import Enum, Field, ListOf, MapOf, Message, Named, Newtype, Nullable, Scalar, Span, Type


def compare(old: Version, new: Version) -> Iterator[Change]:
    """All changes of what is read and written."""
    yield from _protocols(old, new)
    yield from _reserved(old, new)
    for name, before in old.messages.items():
        kept = new.messages.get(name)
        if kept is None:
            yield from _deleted(old, new, before)
        else:
            yield from _names(old, new, before, kept)
    for name, struct in old.structs.items():
        now = new.structs.get(name)
        if now is not None:
            yield from _Fields(old, new, name).compare(struct.fields, now.fields)
    for name, enum in old.enums.items():
        if name in new.enums:
            yield from _enum(old, new, enum, new.enums[name])
    for name, newtype in old.newtypes.items():
        if name in new.newtypes:
            after = new.newtypes[name]
            forth, back = old_to_new(old.senders.get(name, ())), new_to_old(new.senders.get(name, ()))
            yield from _bounds(name, newtype, after, after.span, forth, back)


def _protocols(old: Version, new: Version) -> Iterator[Change]:
    for name, gone in old.protocols.items():
        if name not in new.protocols:
            message = f"the protocol {name} is gone: nobody serves {gone.path!r}"
            yield change("MDK6115", message, new.span, BOTH, expected=f"protocol {name}, until nobody connects to it")
    for name, after in new.protocols.items():
        before = old.protocols.get(name)
        if before is None:
            continue
        if before.tag != after.tag:
            message = f"the key that names a message's type is now {after.tag!r}, was {before.tag!r}"
            yield change("MDK6114", message, after.span, BOTH, expected=f'tag: "{before.tag}"')
        if before.path != after.path:
            message = f"the path of {name} is now {after.path!r}, was {before.path!r}"
            yield change("MDK6115", message, after.span, BOTH, expected="both paths served while clients change")
        if after.message_bytes_max < before.message_bytes_max:
            message = (
                f"messages of {name} may have {after.message_bytes_max} bytes now, {before.message_bytes_max} before"
            )
            yield change("MDK6116", message, after.span, BOTH, expected="senders that write less, first")


def _reserved(old: Version, new: Version) -> Iterator[Change]:
    """Names that were reserved: they still are, or at least nobody has taken them."""
    written = {wire for one in new.spec.messages for wire in (one.wire, *one.also)}
    for name, protocol in old.protocols.items():
        if name in new.protocols:
            now = new.protocols[name]
            yield from _still_reserved(
                f"the type name {{}} of {name}", protocol.reserved, now.reserved, written, now.span
            )
    for name, struct in old.structs.items():
        if name in new.structs:
            after = new.structs[name]
            keys = {one.wire for one in after.fields}
            yield from _still_reserved(f"the key {{}} of {name}", struct.reserved, after.reserved, keys, after.span)
    for name, enum in old.enums.items():
        if name in new.enums:
            to = new.enums[name]
            values = {one.value for one in to.members}
            yield from _still_reserved(f"the value {{}} of {name}", enum.reserved, to.reserved, values, to.span)


def _still_reserved(
    what: str, before: tuple[str, ...], after: tuple[str, ...], taken: set[str], span: Span
) -> Iterator[Change]:
    for name in before:
        said = what.format(repr(name))
        if name in taken:
            message = f"{said} was reserved, and means something else now"
            yield change("MDK6118", message, span, BOTH, expected="another name")
        elif name not in after:
            yield change("MDK6117", f"{said} is no longer reserved", span, expected=f'reserved "{name}"')


def _deleted(old: Version, new: Version, before: Message) -> Iterator[Change]:
    wires = {before.wire, *before.also}
    if any(wires & {one.wire, *one.also} for one in new.spec.messages):
        return  # The same on the wire under another name in the spec.
    senders = old.senders.get(before.name, frozenset[int]())
    drops = all(one.unknown.drop_max is None for one in new.spec.protocols)
    message = f"the message {before.name} is gone: who still sends it is not understood"
    expected = f"message {before.name}, ignored where it may come"
    if drops:
        yield change("MDK6101", message + ", and drops are silent", new.span, expected=expected, severity="warning")
    else:
        yield change("MDK6101", message, new.span, old_to_new(senders), expected=expected)


def _names(old: Version, new: Version, before: Message, after: Message) -> Iterator[Change]:
    reads = {after.wire, *after.also}
    if before.wire != after.wire:
        forth = old_to_new(old.senders.get(before.name, ())) if before.wire not in reads else frozenset[Pair]()
        back = new_to_old(new.senders.get(after.name, ())) if after.wire not in before.also else frozenset[Pair]()
        if forth or back:
            message = f"{after.name} is now written as {after.wire!r}, was {before.wire!r}"
            expected = f'also "{after.wire}" in one version, as "{after.wire}" also "{before.wire}" in the next'
            yield change("MDK6102", message, after.span, forth | back, expected=expected)
    gone = sorted({*before.also} - reads)
    if gone:
        names = ", ".join(repr(one) for one in gone)
        message = f"{after.name} is no longer read as {names}"
        yield change("MDK6103", message, after.span, expected="the name in `also` for as long as anybody writes it")


class _Fields:
    """The fields of one record or message."""

    def __init__(self, old: Version, new: Version, name: str) -> None:
        self.old = old
        self.new = new
        self.name = name
        self.forth = old_to_new(old.senders.get(name, ()))
        """Broken, if a new reader cannot take what old writers write."""
        self.back = new_to_old(new.senders.get(name, ()))
        """Broken, if an old reader cannot take what new writers write."""

    def compare(self, before: tuple[Field, ...], after: tuple[Field, ...]) -> Iterator[Change]:
        """Deleted, added, changed."""
        pairs = by_key(before, after)
        kept, known = {one.name for one, _ in pairs}, {one.name for _, one in pairs}
        for field in before:
            if field.name not in kept:
                yield from self._deleted(field)
        for was, now in pairs:
            yield from self._changed(was, now)
        for field in after:
            if field.name not in known and field.presence == "required":
                message = f"{self.name}.{field.name} is new and required: what older peers write lacks it"
                yield change("MDK6104", message, field.span, self.forth, expected="`?` or a default")

    def _deleted(self, field: Field) -> Iterator[Change]:
        where = f"{self.name}.{field.name}"
        span = self.new.structs[self.name].span
        if field.presence == "required":
            message = f"{where} is gone, and older readers require it"
            yield change(
                "MDK6105", message, span, self.back, expected=f"{field.name}?, and gone when nobody requires it"
            )
        elif field.wire in self.new.structs[self.name].reserved:
            message = f"{where} is gone: what older peers write there is lost"
            yield change("MDK6107", message, span, expected="the field, with a doc that says it is not used")
        if field.wire not in self.new.structs[self.name].reserved:
            message = f"{where} is gone, and its key may come to mean something else, which older peers still write"
            yield change("MDK6119", message, span, expected=f'reserved "{field.wire}"')

    def _changed(self, before: Field, after: Field) -> Iterator[Change]:
        where = f"{self.name}.{after.name}"
        if before.wire != after.wire:
            message = f"the key of {where} is now {after.wire!r}, was {before.wire!r}"
            yield change("MDK6108", message, after.span, self.forth | self.back, expected=f'as "{before.wire}"')
            return
        if before.presence == "required" and after.presence == "optional":
            message = f"{where} may be absent now, and older readers require it"
            yield change("MDK6105", message, after.span, self.back, expected="a default: then it is always written")
        if before.presence == "optional" and after.presence == "required":
            message = f"{where} is required now, and older peers may leave it out"
            yield change("MDK6106", message, after.span, self.forth, expected="`?` or a default")
        forth = not _reads(self.old, before.type, self.new, after.type)
        back = not _reads(self.new, after.type, self.old, before.type)
        if forth or back:
            broken = (self.forth if forth else frozenset[Pair]()) | (self.back if back else frozenset[Pair]())
            message = f"the type of {where} is now {after.type}, was {before.type}"
            yield change("MDK6109", message, after.span, broken, expected="a new field beside the old one")
        else:
            yield from self._rebounded(where, before, after)

    def _rebounded(self, where: str, before: Field, after: Field) -> Iterator[Change]:
        """Bounds that come or go with another type; those of one type are compared by themselves."""
        was, now = _innermost(before.type), _innermost(after.type)
        if was != now:
            olds, news = self.old.newtypes.get(was), self.new.newtypes.get(now)
            yield from _bounds(where, olds, news, after.span, self.forth, self.back)


def _reads(writer: Version, written: Type, reader: Version, read: Type) -> bool:
    """Whether a reader of one type takes everything that a writer of another may write. Bounds and values apart."""
    written, read = writer.base(written), reader.base(read)
    match written, read:
        case _, Scalar("any"):
            return True
        case Nullable(inner), Nullable(base):
            return _reads(writer, inner, reader, base)
        case Nullable(), _:
            return False
        case _, Nullable(base):
            return _reads(writer, written, reader, base)
        case Scalar(a), Scalar(b):
            return a == b or (a in ("int", "float", "seconds") and b in ("float", "seconds"))
        case (ListOf(a), ListOf(b)) | (MapOf(a), MapOf(b)):
            return _reads(writer, a, reader, b)
        case Named(_, "enum"), Scalar("string"):
            return True
        case Scalar("string"), Named(name, "enum"):
            return reader.enums[name].open if name in reader.enums else False
        case Named(a, "enum"), Named(b, "enum"):
            return a == b or _same_values(writer, a, reader, b)  # Those of one enum are compared by themselves.
        case Named(a, _), Named(b, _):
            return a == b or _same_keys(writer, a, reader, b)
        case Named(_, "record" | "message"), MapOf(Scalar("any")):
            return True
        case _:
            return False


def _same_values(writer: Version, a: str, reader: Version, b: str) -> bool:
    """Whether an enum of another name knows all that may be written."""
    if a not in writer.enums or b not in reader.enums:
        return False
    written, read = writer.enums[a], reader.enums[b]
    known = {one.value for one in read.members}
    return read.open or (not written.open and all(one.value in known for one in written.members))


def _same_keys(writer: Version, a: str, reader: Version, b: str) -> bool:
    """Whether a record of another name has all the keys that the reader requires, with types that it reads."""
    if a not in writer.structs or b not in reader.structs:
        return False
    written = {field.wire: field for field in writer.structs[a].fields}
    for field in reader.structs[b].fields:
        known = written.get(field.wire)
        if known is None:
            if field.presence == "required":
                return False
        elif known.type != field.type or (field.presence == "required" and known.presence == "optional"):
            return False
    return True


def _enum(old: Version, new: Version, before: Enum, after: Enum) -> Iterator[Change]:
    forth, back = old_to_new(old.senders.get(before.name, ())), new_to_old(new.senders.get(after.name, ()))
    was, now = {one.value for one in before.members}, {one.value for one in after.members}
    if (added := sorted(now - was)) and not before.open:
        message = f"{after.name} has new values, which older readers refuse: {', '.join(added)}"
        yield change("MDK6111", message, after.span, back, expected=f"open enum {after.name}, in a version before")
    if (gone := sorted(was - now)) and not after.open:
        message = f"{after.name} no longer takes {', '.join(gone)}, which older peers write"
        yield change(
            "MDK6112", message, after.span, forth, expected="the values, with a doc that says they are not used"
        )
    elif gone:
        values = {one.name: one.value for one in after.members}
        for one in before.members:
            if values.get(one.name, one.value) != one.value:
                message = f"{after.name}.{one.name} is {values[one.name]!r} now: {one.value!r}, which older peers write, has no name"
                yield change("MDK6112", message, after.span, expected=f'{one.name} = "{one.value}"', severity="warning")
    if before.open and not after.open:
        message = f"{after.name} is closed now: what it kept as text is refused"
        yield change("MDK6113", message, after.span, forth, expected=f"open enum {after.name}")


def _bounds(
    what: str, before: Newtype | None, after: Newtype | None, span: Span, forth: frozenset[Pair], back: frozenset[Pair]
) -> Iterator[Change]:
    low, high = _limits(before)
    least, most = _limits(after)
    narrowed, widened = least > low or most < high, least < low or most > high
    if narrowed or widened:
        broken = (forth if narrowed else frozenset[Pair]()) | (back if widened else frozenset[Pair]())
        how = (
            "narrower: older peers may write what is refused now"
            if narrowed
            else "wider: older readers refuse the rest"
        )
        message = f"the bounds of {what} are {how}"
        yield change("MDK6110", message, span, broken, expected="wider bounds in readers first, in writers later")


def _limits(newtype: Newtype | None) -> tuple[float, float]:
    low = None if newtype is None else newtype.minimum
    high = None if newtype is None else newtype.maximum
    return float("-inf") if low is None else low, float("inf") if high is None else high


def _innermost(type_: Type) -> str:
    """The name of the type in lists, maps and what may be null."""
    while isinstance(type_, ListOf | MapOf | Nullable):
        type_ = type_.base if isinstance(type_, Nullable) else type_.item if isinstance(type_, ListOf) else type_.value
    return type_.name
