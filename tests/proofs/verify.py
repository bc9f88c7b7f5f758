#!/usr/bin/env python3
"""Checks row proofs, and shares no code with distilld: written from c2sp.org/tlog-proof, tlog-checkpoint, signed-note
and RFC 8032 with nothing but Python's own library.

    verify.py KEY.pub FILE...

A file holds one proof or several, one after the other. Prints one line of JSON a proof that holds, and one for a file
with one that does not; ends with 1 when there is such a file.
"""

import base64
import hashlib
import json
import sys


class Refused(Exception):
    pass


def require(holds, why):
    if not holds:
        raise Refused(why)


# --- Ed25519 (RFC 8032, section 6) -----------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    x = (a[1] - a[0]) * (b[1] - b[0]) % P
    y = (a[1] + a[0]) * (b[1] + b[0]) % P
    t = 2 * a[3] * b[3] * D % P
    z = 2 * a[2] * b[2] % P
    e, f, g, h = y - x, z - t, z + t, y + x
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_mul(scalar, point):
    total = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            total = point_add(total, point)
        point = point_add(point, point)
        scalar >>= 1
    return total


def same_point(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    require(y < P, "a point that is not on the curve")
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * ROOT_OF_MINUS_ONE % P
    require((x * x - x2) % P == 0 and not (x == 0 and sign), "a point that is not on the curve")
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signature_holds(public, message, signature):
    if len(signature) != 64:
        return False
    point, commitment = decompress(public), decompress(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return same_point(point_mul(scalar, BASE), point_add(commitment, point_mul(challenge, point)))


# --- The formats -----------------------------------------------------------------------------------------------------


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Refused(f"bad base64: {error}") from None
    require(base64.b64encode(data).decode() == text, "base64 that is not canonical")
    return data


def decimal(text):
    require(text.isascii() and text.isdigit() and str(int(text)) == text, f"not a number: {text!r}")
    return int(text)


class Key:
    """NAME+ID+base64(0x01 || public key), as golang.org/x/mod/sumdb/note writes it."""

    def __init__(self, text):
        self.name, key_id, key = text.strip().split("+", 2)
        data = unbase64(key)
        require(len(data) == 33 and data[0] == 1, "not an Ed25519 key")
        self.public = data[1:]
        self.id = hashlib.sha256(self.name.encode() + b"\n" + data).digest()[:4]
        require(self.id.hex() == key_id, "the key's id is not that of its name and key")

    def open(self, note):
        """The text of a signed note; the last empty line separates it from the signatures."""
        require(not any(c < " " and c != "\n" for c in note), "a control character")
        head, separator, signatures = note.rpartition("\n\n")
        require(separator and signatures.endswith("\n"), "not a signed note")
        text, signed = head + "\n", False
        for line in signatures[:-1].split("\n"):
            parts = line.split(" ")
            require(len(parts) == 3 and parts[0] == "\u2014" and parts[1], "not a signature line")
            data = unbase64(parts[2])
            if parts[1] == self.name and data[:4] == self.id:
                require(signature_holds(self.public, text.encode(), data[4:]), "the signature does not hold")
                signed = True
        require(signed, "not signed by this key")
        return text


def parse_checkpoint(text):
    lines = text[:-1].split("\n")
    require(len(lines) >= 3 and all(lines), "not a checkpoint")
    root = unbase64(lines[2])
    require(len(root) == 32, "not a root hash")
    return lines[0], decimal(lines[1]), root


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(index, size, entry, path):
    """The root that a path leads to (RFC 6962, section 2.1.1, read backwards: at each level the split tells the side)."""
    sides, low, high = [], 0, size
    while high - low > 1:
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        if index < middle:
            sides.append("right")
            high = middle
        else:
            sides.append("left")
            low = middle
    require(len(sides) == len(path), "the path does not have the length of that place")
    found = hashlib.sha256(b"\x00" + entry).digest()
    for side, sibling in zip(reversed(sides), path):
        found = node(found, sibling) if side == "right" else node(sibling, found)
    return found


HEADER = "c2sp.org/tlog-proof@v1"


def check(proof, key, opened):
    """What a proof proves. `opened` remembers heads by their bytes, so that each signature is checked once."""
    fields, separator, note = proof.partition("\n\n")
    require(separator, "no empty line before the checkpoint")
    header, extra, index, *hashes = fields.split("\n")
    require(header == HEADER, "not a proof")
    require(extra.startswith("extra "), "no line `extra`")
    require(index.startswith("index "), "no line `index`")
    entry, index = unbase64(extra[6:]), decimal(index[6:])
    path = [unbase64(line) for line in hashes]
    require(all(len(sibling) == 32 for sibling in path), "a hash that is not 32 bytes long")
    if note not in opened:
        opened[note] = parse_checkpoint(key.open(note))
    origin, size, root = opened[note]
    require(origin.startswith(key.name + "/"), "the log is none of this key's")
    require(index < size, "the place is not in the tree")
    require(root_of(index, size, entry, path) == root, "the path does not lead to the signed root")
    return {"origin": origin, "size": size, "index": index, "row": json.loads(entry)}


def split_proofs(text):
    """The proofs of a text, each of which starts with a header line."""
    first, *others = text.split("\n" + HEADER + "\n")
    proofs = [first, *(HEADER + "\n" + other for other in others)]
    # Splitting took the newline before each header.
    return [proof + "\n" for proof in proofs[:-1]] + proofs[-1:]


def main(public, *files):
    with open(public, encoding="utf-8") as file:
        key = Key(file.read())
    opened, refused = {}, False
    for name in files:
        with open(name, "rb") as file:
            data = file.read()
        try:
            for proof in split_proofs(data.decode()):
                print(json.dumps(check(proof, key, opened), separators=(",", ":")))
        except (Refused, UnicodeDecodeError) as error:
            print(json.dumps({"file": name, "refused": str(error)}))
            refused = True
    return refused


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
