#!/usr/bin/env python3
"""Finds circles of imports between the files of a crate: two files that need each other.

An edge runs from a file to the file that defines what it names by `crate::`, `super::`,
`self::` or a child module's name, in code that is not a test. A name that a module re-exports
(`pub use`) leads to the file that defines it, and to the module too if that is not one of the
file's own parents. A re-export alone makes no edge. `--edges` lists all of them.
"""

import re
import sys
from pathlib import Path

PATH = re.compile(r"(?<![\w:$])((?:crate|super|self|[a-z_]\w*)(?:::\w+)+(?:::\{|::\*)?|(?:crate|super|self)::[{*])")
MODULE = re.compile(r"^(?:pub(?:\([^)]*\))? )?mod (\w+);", re.M)
USE = re.compile(r"^\s*(pub(?:\([^)]*\))? )?use ([^;]+);", re.M)
DEFINES = r"^\s*(?:pub(?:\([^)]*\))? )?(?:const |async |unsafe )*(?:fn|struct|enum|trait|type|const|static|union|macro_rules!) {}\b"


def code(path):
    """A file's text without comments, strings and tests."""
    text = re.sub(r"#\[cfg\(test\)\]\s*(#\[path[^\n]*\s*)?(mod \w+;|mod \w+ \{.*?^\}|use [^;]+;)", "", path.read_text(), flags=re.S | re.M)
    return re.sub(r"//[^\n]*|'\\?.'|\"(?:\\.|[^\"\\])*\"", "", text, flags=re.S)


def spread(tree):
    """`a::{b, c::{d, e}}` as the paths a::b, a::c::d, a::c::e, without `as` names."""
    tree = re.sub(r"\s+as \w+", "", tree)
    tree = re.sub(r"\s+", "", tree)
    if "{" not in tree:
        return [tree]
    head, rest = tree.split("{", 1)
    parts, depth, part = [], 0, ""
    for char in rest:
        if depth == 0 and char in ",}":
            parts.append(part)
            part = ""
            if char == "}":
                break
            continue
        depth += (char == "{") - (char == "}")
        part += char
    return [head + path for part in parts if part for path in spread(part)]


class Crate:
    def __init__(self, root):
        self.files, self.text, self.children = {}, {}, {}
        self.walk((), root / "lib.rs", root)

    def walk(self, module, file, folder):
        self.files[module], self.text[module] = file, code(file)
        self.children[module] = MODULE.findall(self.text[module])
        for child in self.children[module]:
            flat, nested = folder / f"{child}.rs", folder / child / "mod.rs"
            self.walk((*module, child), flat if flat.exists() else nested, folder / child)

    def paths(self, module):
        """What a file names: (path, whether it is a re-export)."""
        text = self.text[module]
        for public, tree in USE.findall(text):
            yield from ((path, bool(public)) for path in spread(tree))
        for path in PATH.findall(USE.sub("", text)):
            yield path, False

    def absolute(self, module, path):
        """A path from the crate's root, or none if it leads out of the crate."""
        first, *rest = path.split("::")
        if first == "crate":
            return rest
        at = list(module)
        if first == "super":
            at.pop()
            while rest and rest[0] == "super":
                at.pop()
                rest.pop(0)
            return at + rest
        if first == "self":
            return at + rest
        return [*at, first, *rest] if first in self.children[module] else None

    def owners(self, path, seen=()):
        """The module that defines what a path from the root names, and those that re-export it."""
        depth = max(d for d in range(len(path) + 1) if tuple(path[:d]) in self.files)
        module, rest = tuple(path[:depth]), path[depth:]
        yield module
        if not rest or tuple(path) in seen:
            return
        if not re.search(DEFINES.format(re.escape(rest[0])), self.text[module], re.M):
            for exported, public in self.paths(module):
                target = self.absolute(module, exported)
                if public and target and exported.split("::")[-1] == rest[0]:
                    yield from self.owners(target + rest[1:], (*seen, tuple(path)))

    def edges(self):
        for module in self.files:
            for path, public in self.paths(module):
                target = None if public else self.absolute(module, path)
                *through, owner = [module] if target is None else self.owners(target)
                ends = [*(m for m in through if module[: len(m)] != m), owner]
                yield from ((module, end) for end in ends if end != module)


def circles(edges):
    """Groups of nodes that reach each other."""
    reach = {}
    for start, _ in edges:
        reach[start], todo = set(), [start]
        while todo:
            node = todo.pop()
            for end in {b for a, b in edges if a == node} - reach[start]:
                reach[start].add(end)
                todo.append(end)
    return {frozenset(b for b in reach[a] if a in reach.get(b, ())) for a in reach if a in reach[a]}


found = 0
for lib in sorted(Path("crates").glob("*/lib.rs")) + sorted(Path("crates").glob("*/src/lib.rs")):
    crate = Crate(lib.parent)
    edges = set(crate.edges())
    if "--edges" in sys.argv:
        print(*sorted(f"{crate.files[a]} -> {crate.files[b]}" for a, b in edges), sep="\n")
    for circle in circles(edges):
        found += 1
        print("files that import each other:", *sorted(str(crate.files[m]) for m in circle))
        for a, b in sorted(edges):
            if a in circle and b in circle:
                print(f"  {crate.files[a]} -> {crate.files[b]}")
sys.exit(found > 0)
