import functools
from collections.abc import Callable

from componentize_py_types import Err
from wit_world.imports.types import Failure


def guarded[**P, T](hook: Callable[P, T]) -> Callable[P, T]:
    """A hook that fails by the contract whatever is raised in it.

    What a hook raises must be an `Err` of a `Failure`; anything else would trap, and the traceback
    would go to a stderr that is not there.
    """

    @functools.wraps(hook)
    def guarded_hook(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return hook(*args, **kwargs)
        except Exception as error:
            raise Err(Failure(client="", log=describe(error))) from None

    return guarded_hook


def describe(error: Exception) -> str:
    """The exception and where it was raised. (`traceback` would look for the source files.)"""
    # An error of the contract is the value of an `Err`.
    what = error.value if isinstance(error, Err) else error
    places, step = [], error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        places.append(f"{code.co_filename}:{step.tb_lineno} in {code.co_name}")
        step = step.tb_next
    # The outermost one is the wrapper above.
    return f"{what!r} at {', '.join(reversed(places[1:]))}"
