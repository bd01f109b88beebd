"""JSON that fits a schema, filled from a text as far as the text has what fits."""

from __future__ import annotations

import math
import re
from hashlib import blake2b
from typing import Any

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")
_QUOTED = re.compile(r"[\"“'‘]([^\"“”'‘’\n]{1,80})[\"”'’](?!\w)")
_NAME = re.compile(r"\b[A-ZÀ-Þ][\w’-]+(?:\s+[A-ZÀ-Þ][\w’-]+)*")
_FORMATS = {
    "date": (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "2026-01-01"),
    "date-time": (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)"), "2026-01-01T00:00:00Z"),
    "time": (re.compile(r"\b\d\d:\d\d:\d\d\b"), "00:00:00Z"),
    "email": (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w"), "nobody@example.com"),
    "uri": (re.compile(r"https?://[^\s\"'<>]+"), "https://example.com/"),
    "uuid": (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "00000000-0000-4000-8000-000000000000"),
    "ipv4": (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"), "192.0.2.1"),
}
MAX_DEPTH = 8


class Filler:
    """Fills one schema from one text; each number and quotation is used once, in order."""

    def __init__(self, root: dict[str, Any], text: str, seed: int = 0) -> None:
        self._root, self._text, self._seed = root, text, seed
        self._numbers = [float(found) for found in _NUMBER.findall(text)]
        self._quoted = _QUOTED.findall(text)
        sentence_starts = {match.group(0).split()[0] for match in re.finditer(r"(?:^|[.!?]\s+)([A-ZÀ-Þ]\w+)", text)}
        self._names = [name for name in _NAME.findall(text) if name not in sentence_starts]

    def fill(self) -> Any:
        """A value that fits the root schema."""
        return self._value(self._root, "", 0)

    def _value(self, schema: Any, name: str, depth: int) -> Any:
        if not isinstance(schema, dict):
            return {}
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._one_of(schema["enum"])
        for union in ("anyOf", "oneOf"):
            if schema.get(union):
                return self._value(self._choice(schema[union]), name, depth + 1)
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind in ("integer", "number"):
            return self._number(schema, kind)
        if kind == "boolean":
            return (
                bool(re.search(rf"\b{re.escape(name.replace('_', ' '))}\b", self._text, re.IGNORECASE))
                if name
                else True
            )
        if kind == "null":
            return None
        return self._string(schema, name)

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        for _ in range(MAX_DEPTH):
            reference = schema.get("$ref")
            if not isinstance(reference, str):
                break
            found: Any = self._root
            for step in reference.lstrip("#/").split("/") if reference != "#" else []:
                found = found.get(step, {}) if isinstance(found, dict) else {}
            schema = {**found, **{k: v for k, v in schema.items() if k != "$ref"}}
        for unresolved in schema.get("allOf", []):
            part = self._resolved(unresolved)
            merged = {**schema, **part}
            merged["properties"] = {**schema.get("properties", {}), **part.get("properties", {})}
            merged["required"] = [*schema.get("required", []), *part.get("required", [])]
            schema = merged
        return schema

    def _choice(self, options: list[Any]) -> Any:
        return next((o for o in options if isinstance(o, dict) and o.get("type") != "null"), options[0])

    def _one_of(self, values: list[Any]) -> Any:
        lowered = self._text.lower()
        said = next(
            (v for v in values if isinstance(v, str) and re.search(rf"\b{re.escape(v.lower())}\b", lowered)), None
        )
        if said is not None:
            return said
        pick = blake2b(f"{self._seed}{values}".encode(), digest_size=2).digest()
        return values[int.from_bytes(pick, "big") % len(values)] if self._seed else values[0]

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = list(dict.fromkeys(schema.get("required", [])))
        wanted = required if depth >= MAX_DEPTH or required else list(properties)
        return {key: self._value(properties.get(key, {"type": "string"}), key, depth + 1) for key in wanted}

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        least = int(schema.get("minItems", 0 if depth >= MAX_DEPTH else 1))
        count = min(max(least, 0 if depth >= MAX_DEPTH else 1), int(schema.get("maxItems", max(least, 1))))
        prefix = schema.get("prefixItems", [])
        items = schema.get("items", {"type": "string"})
        values = [self._value(prefix[i] if i < len(prefix) else items, name, depth + 1) for i in range(count)]
        if schema.get("uniqueItems"):
            values = [value if value not in values[:i] else f"{value} {i + 1}" for i, value in enumerate(values)]
        return values

    def _number(self, schema: dict[str, Any], kind: str) -> int | float:
        low, high = schema.get("minimum"), schema.get("maximum")
        step = schema.get("multipleOf") or (1 if kind == "integer" else 0)
        if low is None and "exclusiveMinimum" in schema:
            low = schema["exclusiveMinimum"] + (step or 1e-6)
        if high is None and "exclusiveMaximum" in schema:
            high = schema["exclusiveMaximum"] - (step or 1e-6)
        fitting = [
            n
            for n in self._numbers
            if (low is None or n >= low) and (high is None or n <= high) and (not step or n % step == 0)
        ]
        if fitting:
            value = fitting[0]
            self._numbers.remove(value)
        else:
            value = low if low is not None else min(0, high if high is not None else 0)
            value = math.ceil(value / step) * step if step else value
        return int(value) if kind == "integer" or float(value).is_integer() else float(value)

    def _string(self, schema: dict[str, Any], name: str) -> str:
        form = _FORMATS.get(schema.get("format", ""))
        if form is not None:
            found = form[0].search(self._text)
            return found.group(0) if found else form[1]
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            try:
                found = re.search(pattern.strip("^$"), self._text)
            except re.error:
                found = None
            if found:
                return found.group(0)
        return _sized(self._said(name), schema)

    def _said(self, name: str) -> str:
        words = name.replace("_", " ")
        named = (
            re.search(
                rf"\b{re.escape(words)}\b\s*(?:is|:|=|of|called|named)\s*[\"“']?([^\s\"”',.;]+)",
                self._text,
                re.IGNORECASE,
            )
            if name
            else None
        )
        if named:
            return str(named.group(1))
        for pool in (self._quoted, self._names):
            if pool:
                return str(pool.pop(0))
        return " ".join(self._text.split())[:120] or "none"


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _sized(text: str, schema: dict[str, Any]) -> str:
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    if len(text) < least:
        text = text.ljust(least, ".")
    return text[: int(most)] if most is not None else text
