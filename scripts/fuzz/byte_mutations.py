"""Mutations of bytes that know nothing of their meaning."""

import random


def flip_bit(rng: random.Random, content: bytearray):
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def set_byte(rng, content):
    content[rng.randrange(len(content))] = rng.choice((0x00, 0x01, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def overwrite(rng, content):
    start = rng.randrange(len(content))
    count = rng.randint(1, 16)
    content[start : start + count] = rng.choice((bytes(count), b"\xff" * count, rng.randbytes(count)))


def cut_end(rng, content):
    del content[rng.randrange(len(content)) :]


def delete(rng, content):
    start = rng.randrange(len(content))
    del content[start : start + rng.choice((1, 2, 4, 8, rng.randint(1, 500)))]


def insert(rng, content):
    start = rng.randrange(len(content) + 1)
    content[start:start] = rng.randbytes(rng.choice((1, 2, 4, 8, rng.randint(1, 500))))


def repeat(rng, content):
    start = rng.randrange(len(content))
    piece = content[start : start + rng.randint(1, 200)]
    content[start:start] = piece


def extend(rng, content):
    content += rng.choice((b"\0", b"\0" * 512, rng.randbytes(rng.randint(1, 64))))


MUTATIONS = (flip_bit, flip_bit, set_byte, set_byte, overwrite, cut_end, delete, insert, repeat, extend)


def mutated(rng: random.Random, content, first=0, last=None) -> bytes:
    """The content with one mutation between two positions."""
    last = len(content) if last is None else min(last, len(content))
    piece = bytearray(content[first:last])
    if piece:
        rng.choice(MUTATIONS)(rng, piece)
    return bytes(content[:first]) + bytes(piece) + bytes(content[last:])
