"""Checks the character ranges that CanonicalComposition.swift takes for untouched by composition.

Run:  python check_inert.py   (prints the characters that are wrongly in them: none, with the Unicode database of Python 3.11)
"""
import os, re, unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = open(f"{HERE}/../../../Sources/Data/Tokenizers/CanonicalComposition.swift").read()
ranges = [(int(a, 16), int(b, 16)) for a, b in re.findall(r"0x([0-9A-F]+)\.\.\.0x([0-9A-F]+)", SOURCE)] + [(0, 0x2FF)]

# Characters that may combine with the one before them.
second = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
for u in range(0x110000):
    parts = unicodedata.decomposition(chr(u)).split()
    if len(parts) == 2 and not parts[0].startswith("<"):
        second.add(int(parts[1], 16))

wrong = [hex(u) for low, high in ranges for u in range(low, high + 1)
         if unicodedata.combining(chr(u)) or unicodedata.normalize("NFC", chr(u)) != chr(u) or u in second]
print(len(ranges), "ranges, Unicode", unicodedata.unidata_version, "wrong:", wrong)
assert len(ranges) > 20 and not wrong
