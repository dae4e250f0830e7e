"""Drawings as parts of a page: SVG that can neither run a script nor fetch anything."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from warmline.lineage.errors import UserError

SVG = "http://www.w3.org/2000/svg"
SHAPES_AND_WORDS = ("svg", "g", "path", "rect", "circle", "line", "text", "tspan", "title", "desc")


def inline(svg: str, path: object) -> tuple[str, str]:
    """The drawing as markup for a page, one image to a screen reader, and its title.

    Title and description become the image's name, for as elements they would pop up under the pointer. Raises
    UserError, naming `path`, if the text is not SVG or holds more than plain shapes and words.
    """
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise UserError(f"{path}: not an SVG drawing ({error}). {_REMEDY}") from error
    for element in root.iter():
        if element.tag not in {f"{{{SVG}}}{name}" for name in SHAPES_AND_WORDS}:
            raise UserError(f"{path}: holds the element {element.tag}, expected plain shapes and words. {_REMEDY}")
        for name, value in element.attrib.items():
            if _can_act(name, value):
                raise UserError(f"{path}: holds the attribute {name}={value!r}, expected a plain drawing. {_REMEDY}")
    title, description = (_taken(root, name) for name in ("title", "desc"))
    root.attrib |= {"role": "img", "aria-label": f"{title}. {description}"}
    ElementTree.register_namespace("", SVG)
    return ElementTree.tostring(root, encoding="unicode"), title


def _taken(root: ElementTree.Element, name: str) -> str:
    element = root.find(f"{{{SVG}}}{name}")
    if element is None:
        return ""
    root.remove(element)
    return element.text or ""


_REMEDY = "Draw it again with scripts/figures/draw.py."


def _can_act(name: str, value: str) -> bool:
    return name.startswith("on") or name.endswith("href") or name == "style" or "url(" in value
