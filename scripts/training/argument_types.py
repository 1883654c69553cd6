"""Numbers on the command line of any script here, with the ranges that argparse then tells; needs no PyTorch."""


def positive_number(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise ValueError
    return value


def positive_count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def count_or_zero(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError
    return value


positive_number.__name__, positive_count.__name__ = "positive number", "positive count"  # argparse names them in messages
count_or_zero.__name__, share.__name__ = "count", "share from 0 to 1"
