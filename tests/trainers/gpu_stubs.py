"""Makes a torch wheel from PyPI start on a machine without its 2.5 GB of GPU libraries.

PyPI has no CPU-only torch for Linux. Its wheel is linked against libraries of NVIDIA that nothing on the CPU path calls. This script
asks the wheel which ones and which symbols it wants, and builds empty libraries of those names: every function in them answers
"no device" (cudaErrorNoDevice, 100), which is what torch expects of a machine without a GPU.

usage: gpu_stubs.py SITE_PACKAGES     (needs cc, readelf and nm)
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def wants(libs):
    """The GPU libraries that are missing; by library and version (or none) the functions wanted of it."""
    here = {lib.name for lib in libs}
    missing, undefined, defined, versions = set(), set(), set(), {}
    for lib in libs:
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-dW", str(lib))):
            if name not in here and re.match(r"lib(cu|nv|nccl)", name):
                missing.add(name)
        file = None
        for line in run("readelf", "-VW", str(lib)).splitlines():
            if found := re.search(r"File: (\S+)", line):
                file = found[1]
            elif file and (found := re.search(r"Name: (\S+)\s+Flags", line)):
                versions[found[1]] = file
        for line in run("nm", "-D", str(lib)).splitlines():
            kind, symbol = line.split()[-2:]
            (undefined if kind == "U" else defined).add(symbol)
    bare = {symbol.split("@")[0] for symbol in defined}
    functions = defaultdict(set)
    for symbol in undefined:
        name, _, version = symbol.partition("@")
        version = version.lstrip("@")
        if name in bare:
            continue
        if versions.get(version) in missing:
            functions[versions[version], version].add(name)
        elif not version and re.match(r"(nccl|nvshmem|nvtx|cufile|cusparseLt|cupti|cu[A-Z])", name):
            # A symbol without a version may come from any of them.
            functions[min(missing), ""].add(name)
    return missing, functions


def build(lib, versions, folder):
    lines, script = [], []
    for version, names in sorted(versions.items()):
        for name in sorted(names):
            answer = 'const char *%s(void) { return "no GPU"; }' if name.endswith(("String", "ErrorName")) else "long %s(void) { return 100; }"
            lines.append(answer % name)
        if version:
            script.append(f"{version} {{ global: {' '.join(f'{name};' for name in sorted(names))} }};")
    source, exports = folder / "stub.c", folder / "stub.map"
    source.write_text("\n".join(lines) + "\n")
    exports.write_text("\n".join(script) + "\n")
    command = ["cc", "-w", "-shared", "-fPIC", "-fno-builtin", f"-Wl,-soname,{lib}", "-o", str(folder / lib), str(source)]
    if script:
        command.append(f"-Wl,--version-script={exports}")
    subprocess.run(command, check=True)
    source.unlink()
    exports.unlink()


def main():
    site = Path(sys.argv[1])
    missing, functions = wants(sorted((site / "torch/lib").glob("*.so*")))
    # Where torch looks for them.
    folder = site / "nvidia/cu13/lib"
    folder.mkdir(parents=True, exist_ok=True)
    for lib in sorted(missing):
        build(lib, {version: names for (of, version), names in functions.items() if of == lib}, folder)
    print(f"{len(missing)} empty GPU libraries with {sum(map(len, functions.values()))} functions")


main()
