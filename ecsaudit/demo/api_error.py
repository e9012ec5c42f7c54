"""An error that the endpoint answers, in the words of the AWS JSON protocol."""


class ApiError(Exception):
    """Becomes {"__type": error_type, "message": message} with this HTTP status."""

    def __init__(self, error_type: str, message: str, status: int = 400) -> None:
        super().__init__(error_type, message, status)
        self.error_type = error_type
        self.message = message
        self.status = status
