"""A pool of processes whose size is set here, as an executor of your own: --executor pool:processes."""

import signal
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context


def processes() -> Executor:
    """Return two processes that leave Ctrl-C to the program that started them."""
    return ProcessPoolExecutor(2, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN))
