#!/usr/bin/env python3
"""Mutation test of the losses: removes each term of each method and reports which test fails.

    scripts/mutate.py COPY [--target FOLDER] [--by FACTOR] [--methods NAME...]
    scripts/mutate.py --list

COPY is a folder for a copy of the working tree; in it the weight of one term of every method at a time is multiplied
by FACTOR (0, or -1 to reverse the term) while its logged value stays, and the methods' tests are run: first those
that measure descent, then, for a term whose change they do not detect, all tests of its method. Prints a Markdown
table and exits with 1 if no test detects the change of a term. The terms are listed in TERMS; a term of the sources
that is missing there is an error, also with --list, which only looks for them. A target folder that already has the dependencies, in the profile of the tests,
saves building them. Only Python's standard library is used.
"""

import argparse
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys

RECIPES = pathlib.Path("crates/methods/src/recipes")
FIRST = "descends_on_every_term"

# Method, stage, term, file, and the first argument of `LossTerms::with` there if it is not the term's name, with its
# number if the file has several of that argument.
TERMS = [
    ("supervised", 1, "supervised", "supervised.rs"),
    ("entropy_minimization", 1, "supervised", "entropy_minimization.rs"),
    ("entropy_minimization", 1, "entropy", "entropy_minimization.rs"),
    ("mean_teacher", 1, "supervised", "mean_teacher.rs"),
    ("mean_teacher", 1, "consistency", "mean_teacher.rs"),
    ("ua_mt", 1, "supervised", "ua_mt.rs"),
    ("ua_mt", 1, "consistency", "ua_mt.rs"),
    ("ict", 1, "supervised", "ict.rs"),
    ("ict", 1, "consistency", "ict.rs"),
    ("cps", 1, "supervised", "cps.rs"),
    ("cps", 1, "supervised_second", "cps.rs"),
    ("cps", 1, "pseudo", "cps.rs"),
    ("cps", 1, "pseudo_second", "cps.rs"),
    ("bcp", 2, "supervised", "bcp.rs"),
    ("bcp", 2, "pseudo", "bcp.rs"),
    ("fixmatch", 1, "supervised", "fixmatch.rs"),
    ("fixmatch", 1, "pseudo", "fixmatch.rs"),
    ("unimatch", 1, "supervised", "unimatch.rs"),
    ("unimatch", 1, "strong", "unimatch.rs"),
    ("unimatch", 1, "strong_second", "unimatch.rs"),
    ("unimatch", 1, "feature", "unimatch.rs"),
    ("dtc", 1, "supervised", "dtc.rs"),
    ("dtc", 1, "signed_distance", "dtc.rs"),
    ("dtc", 1, "consistency", "dtc.rs"),
    ("urpc", 1, "supervised", "urpc.rs"),
    ("urpc", 1, "consistency", "urpc.rs"),
    ("mc_net_plus", 1, "supervised", "mc_net_plus.rs"),
    ("mc_net_plus", 1, "consistency", "mc_net_plus.rs"),
    ("ss_net", 1, "supervised", "ss_net.rs"),
    ("ss_net", 1, "smoothness", "ss_net.rs"),
    ("ss_net", 1, "separation_labeled", "ss_net.rs", "name"),
    ("ss_net", 1, "separation_unlabeled", "ss_net.rs", "name"),
    ("global_local", 1, "global_contrast", "global_local.rs"),
    ("global_local", 2, "local_contrast", "global_local.rs"),
    ("simcvd", 1, "supervised", "simcvd.rs"),
    ("simcvd", 1, "signed_distance", "simcvd.rs"),
    ("simcvd", 1, "contrast", "simcvd.rs"),
    ("simcvd", 1, "pairwise", "simcvd.rs"),
    ("simcvd", 1, "consistency", "simcvd.rs"),
    ("cvrl", 1, "supervised", "cvrl.rs"),
    ("cvrl", 1, "high_batch", "cvrl.rs", "names[0]"),
    ("cvrl", 1, "high_feature", "cvrl.rs", "names[1]"),
    ("cvrl", 1, "low_batch", "cvrl.rs", "names[0]"),
    ("cvrl", 1, "low_feature", "cvrl.rs", "names[1]"),
    ("cvrl", 1, "consistency", "cvrl.rs"),
    ("ideal", 1, "dense_contrast", "ideal/dense_contrast.rs"),
    ("ideal", 2, "supervised", "ideal/two_decoders.rs"),
    ("ideal", 2, "supervised_second", "ideal/two_decoders.rs"),
    ("ideal", 2, "cross_pseudo", "ideal/two_decoders.rs"),
    ("action", "1, 2", "global", "action/distillation.rs"),
    ("action", 2, "supervised", "action/distillation.rs"),
    ("action", 2, "local", "action/distillation.rs"),
    ("action", 3, "supervised", "action/anatomical_contrast.rs"),
    ("action", 3, "unsupervised", "action/anatomical_contrast.rs"),
    ("action", 3, "contrast", "action/anatomical_contrast.rs"),
    ("action_pp", 3, "adaptive", "action_pp.rs"),
]
# Terms that are only logged, by their file and first argument.
LOGGED = {("urpc.rs", '"finest"'), ("bcp.rs", '"pseudo_active"'), ("fixmatch.rs", '"pseudo_active"'),
          ("unimatch.rs", '"pseudo_active"'), ("fixmatch.rs", '"foreground_confidence"'),
          ("unimatch.rs", '"foreground_confidence"'),
          ("action/anatomical_contrast.rs", '"foreground_confidence"'),
          ("action/anatomical_contrast.rs", '"pseudo_active"'), ("cvrl.rs", "names[2]"), ("cvrl.rs", "names[3]")}
# Methods whose tests also run the stages of another method.
BUILT_ON = {"action_pp": "action", "bcp": "supervised", "global_local": "supervised"}

Term = collections.namedtuple("Term", "method stage name file token", defaults=[None])


def arguments(text, start):
    """Returns the spans of the arguments of a call whose parenthesis opens before `start`, and where it closes."""
    depth, spans, begin = 1, [], start
    for place in range(start, len(text)):
        depth += (text[place] in "([{") - (text[place] in ")]}")
        if depth == 0 or (depth == 1 and text[place] == ","):
            if text[begin:place].strip():
                spans.append((begin, place))
            begin = place + 1
        if depth == 0:
            return spans
    raise ValueError("a call that does not end")


def calls(path):
    """Finds every call of `LossTerms::with` in a recipe, except in tests: its first argument, numbered from the second
    equal one on, and the span of the weight."""
    text = path.read_text()
    code = text.split("#[cfg(test)]\nmod tests {")[0]
    seen = collections.Counter()
    for found in re.finditer(r"\.with\(", code):
        spans = arguments(code, found.end())
        if len(spans) == 3:
            token = code[slice(*spans[0])].strip()
            seen[token] += 1
            yield (token if seen[token] == 1 else f"{token} {seen[token]}"), spans[1]


def expect_complete(terms):
    known = {(term.file, term.token) for term in terms} | LOGGED
    found = set()
    for path in sorted(RECIPES.rglob("*.rs")):
        name = path.relative_to(RECIPES).as_posix()
        found.update((name, token) for token, _ in calls(path))
    if found != known:
        sys.exit(f"expected the terms of TERMS, found others: {sorted(found ^ known)}; complete the list")


def mutate(copy, term, factor):
    path = copy / RECIPES / term.file
    text = path.read_text()
    spans = [span for token, span in calls(path) if token == term.token]
    (begin, end), = spans
    weight = text[begin:end].strip()
    argument = re.sub(r" \d+$", "", term.token)
    changed = f" ({weight}) * if {argument} == \"{term.name}\" {{ {factor!r} }} else {{ 1.0 }}"
    path.write_text(text[:begin] + changed + text[end:])


def refresh(copy):
    """Makes the copy equal to the working tree; equal files keep their modification time and are not rebuilt."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], check=True, capture_output=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = pathlib.Path(name), copy / name
        if not source.is_file() or (target.is_file() and source.read_bytes() == target.read_bytes()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def run(copy, target, filters):
    """Runs tests by parts of their names; returns the result of each."""
    command = ["cargo", "test", "--release", "--workspace", "--test", "methods", "--", *filters]
    result = subprocess.run(command, cwd=copy, env=os.environ | {"CARGO_TARGET_DIR": str(target)},
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ended = dict(re.findall(r"^test (\S+) \.\.\. (ok|FAILED)$", result.stdout, re.MULTILINE))
    if not ended:
        sys.exit(f"expected tests to run, found:\n{result.stdout[-4000:]}")
    return ended


def rounds(terms):
    """Groups terms that can be removed together: of different methods, none built on another."""
    left, together = list(terms), []
    while left:
        taken = {}
        for term in left:
            others = {BUILT_ON.get(term.method)} | {m for m, base in BUILT_ON.items() if base == term.method}
            if term.method not in taken and not others & set(taken):
                taken[term.method] = term
        together.append(list(taken.values()))
        left = [term for term in left if term not in taken.values()]
    return together


def failed(ended, method):
    return [name for name, how in ended.items() if name.startswith(f"{method}::") and how == "FAILED"]


def shown(tests):
    """Formats tests called `METHOD::NETWORK::CHECK` as `CHECK (vnet, unet)`."""
    networks = collections.defaultdict(list)
    for test in sorted(tests, reverse=True):
        _, network, check = test.split("::")
        networks[check].append(network)
    return "; ".join(f"`{check}` ({', '.join(of)})" for check, of in networks.items()) or "**none**"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("copy", type=pathlib.Path, nargs="?")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--target", type=pathlib.Path)
    parser.add_argument("--by", type=float, default=0.0)
    parser.add_argument("--methods", nargs="*")
    options = parser.parse_args()
    os.chdir(pathlib.Path(__file__).resolve().parent.parent)
    terms = [Term(*term) for term in TERMS]
    terms = [term._replace(token=term.token or f'"{term.name}"') for term in terms]
    expect_complete(terms)
    if options.list:
        print(f"{len(terms)} terms of {len({term.method for term in terms})} methods")
        return
    if options.copy is None:
        parser.error("expected a folder for a copy, or --list")
    if options.methods:
        terms = [term for term in terms if term.method in options.methods]
    copy, target = options.copy.resolve(), (options.target or options.copy / "target").resolve()

    found = {}
    refresh(copy)
    plain = run(copy, target, [FIRST])
    if "FAILED" in plain.values():
        sys.exit(f"expected tests that pass without a change, found {[n for n, how in plain.items() if how == 'FAILED']}")
    for together in rounds(terms):
        refresh(copy)
        for term in together:
            mutate(copy, term, options.by)
        ended = run(copy, target, [f"{term.method}::{network}::{FIRST}" for term in together for network in ("vnet", "unet")])
        missed = [term for term in together if not failed(ended, term.method)]
        if missed:
            ended |= run(copy, target, [f"{term.method}::" for term in missed])
        for term in together:
            found[term] = failed(ended, term.method)
            print(f"{term.method}, stage {term.stage}, {term.name}: {shown(found[term])}", file=sys.stderr)
    refresh(copy)

    print("| method | stage | term | test that fails |\n|---|---|---|---|")
    for term in terms:
        print(f"| {term.method} | {term.stage} | {term.name} | {shown(found[term])} |")
    sys.exit(any(not tests for tests in found.values()))


if __name__ == "__main__":
    main()
