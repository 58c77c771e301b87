"""Lists import cycles between modules, in every crate of the workspace.

    python3 scripts/circles.py            # all cycles
    python3 scripts/circles.py --most 3   # exit code 1 if a cycle has more modules

A module depends on another one if it names an item of it in `use`, `crate::…` or `super::…`; items that a module
re-exports count for the module that defines them. Test modules at the end of a file do not count.
"""

import argparse
import re
import sys
from pathlib import Path

PATH = re.compile(r"\b((?:crate|super)(?:::\w+)+)")
USE = re.compile(r"\b(?<!pub )use ([^;]+);")
REEXPORT = re.compile(r"\bpub(?:\([^)]*\))? use ([^;]+);")


def modules(root):
    """Returns the files of a crate by module path; the root has the empty path."""
    found = {}
    for file in root.rglob("*.rs"):
        parts = list(file.relative_to(root).with_suffix("").parts)
        if parts[-1] in ("mod", "lib", "main"):
            parts.pop()
        found[tuple(parts)] = file
    return found


def code(file):
    text = file.read_text().split("#[cfg(test)]\nmod tests {")[0]
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("//"))


def leaves(tree):
    """Returns the single paths of a use tree."""
    tree = "".join(tree.split(" as ")[0].split()) if "{" not in tree else "".join(tree.split())
    match = re.match(r"^(.*?)\{(.*)\}$", tree)
    if not match:
        return [tree]
    prefix, inner = match.groups()
    found, depth, current = [], 0, ""
    for c in inner + ",":
        if c == "," and depth == 0:
            found += [prefix + leaf for leaf in leaves(current)] if current else []
            current = ""
        else:
            depth += (c == "{") - (c == "}")
            current += c
    return found


def absolute(module, path, known):
    """Returns the path from the crate's root, or None if it leads out of the crate."""
    parts = path.split("::")
    if parts[0] == "crate":
        return parts[1:]
    if parts[0] in ("self", "super"):
        base = list(module)
        while parts and parts[0] in ("self", "super"):
            if parts[0] == "super":
                base = base[:-1]
            parts = parts[1:]
        return base + parts
    return [*module, *parts] if (*module, parts[0]) in known else None


def target(parts, known):
    """Returns the longest module path that a path begins with, and the name of the item after it."""
    for end in range(len(parts), -1, -1):
        if tuple(parts[:end]) in known:
            return tuple(parts[:end]), parts[end] if end < len(parts) else None
    return None, None


def graph(root):
    known = modules(root)
    text = {module: code(file) for module, file in known.items()}
    origin = {}
    for module in known:
        for tree in REEXPORT.findall(text[module]):
            for leaf in leaves(tree):
                parts = absolute(module, leaf, known)
                if parts:
                    origin[module, parts[-1]] = target(parts, known)[0]
    edges = {}
    for module in known:
        paths = [leaf for tree in USE.findall(text[module]) for leaf in leaves(tree)]
        edges[module] = set()
        for path in paths + PATH.findall(text[module]):
            parts = absolute(module, path, known)
            if parts is None:
                continue
            other, item = target(parts, known)
            other = origin.get((other, item), other)
            if other is not None and other != module:
                edges[module].add(other)
    return edges


def circles(edges):
    """Returns the strongly connected components of more than one module (Tarjan's algorithm)."""
    index, low, stack, found = {}, {}, [], []

    def visit(module):
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in edges[module]:
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            start = stack.index(module)
            found.append(stack[start:])
            del stack[start:]

    for module in edges:
        if module not in index:
            visit(module)
    return [circle for circle in found if len(circle) > 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--most", type=int, help="maximum number of modules in a cycle")
    most = parser.parse_args().most
    repository = Path(__file__).resolve().parent.parent
    roots = [repository / "src", *sorted((repository / "crates").glob("*/src"))]
    large = False
    for root in roots:
        for circle in sorted(circles(graph(root)), key=len, reverse=True):
            too_large = most is not None and len(circle) > most
            large |= too_large
            if most is None or too_large:
                names = ", ".join(sorted("::".join(module) or "lib" for module in circle))
                print(f"{root.relative_to(repository)}: {len(circle)} modules: {names}")
    if large:
        sys.exit(f"expected import cycles of at most {most} modules; move what they share to a file of its own")


if __name__ == "__main__":
    main()
