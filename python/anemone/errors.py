"""What the library could not do, and why."""


class Error(RuntimeError):
    """An operation that failed. `str()` of it is the whole text: context, message and hint.

    code: "invalid_argument", "not_found", "io", "corrupt", "mismatch", "unsupported",
        "out_of_range", "limit" or "interrupted".
    message: what went wrong, one line.
    context: where, from the inside out.
    hint: what to do next; may be empty.
    """

    def __init__(self, text: str, code: str, message: str, context: list[str], hint: str) -> None:
        super().__init__(text, code, message, context, hint)
        self.code = code
        self.message = message
        self.context = context
        self.hint = hint

    def __str__(self) -> str:
        return self.args[0]
