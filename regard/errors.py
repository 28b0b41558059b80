"""Every error a caller can meet: a code, an HTTP status, and a message that says what to do next.

The first group is the service model's own exceptions (Rekognition 2016-06-27, section "Error handling"), the second
what AWS JSON services answer before an operation is reached. A class's docstring is its default message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class RegardError(Exception):
    """Amazon Rekognition experienced a service issue. Try your call again."""

    code: ClassVar[str] = "InternalServerError"
    status: ClassVar[int] = 400

    def __init__(self, message: str | None = None, *, detail: str | None = None) -> None:
        """`detail` is what helps beyond a message that programs compare to the letter. It names no person, collection
        or file: it is logged."""
        super().__init__(message or type(self).__doc__ or self.code)
        self.detail = detail

    @property
    def message(self) -> str:
        """For the operator: on the terminal and in the log."""
        return str(self.args[0])

    @property
    def public(self) -> str:
        """For whoever asked over HTTP."""
        return self.message


# -- the service model's exceptions ------------------------------------------------------------------------------


class AccessDenied(RegardError):
    """You are not authorized to perform the action."""

    code = "AccessDeniedException"


class Conflict(RegardError):
    """A resource with the same Id already exists, or the update caused an inconsistent state."""

    code = "ConflictException"

    def __init__(
        self, message: str | None = None, *, detail: str | None = None, current: Mapping[str, Any] | None = None
    ) -> None:
        """`current` is what is there now, for whoever changed what they had seen before."""
        super().__init__(message, detail=detail)
        self.current = current


class HumanLoopQuotaExceeded(RegardError):
    """The number of in-progress human reviews you have has exceeded the number allowed."""

    code = "HumanLoopQuotaExceededException"


class IdempotentParameterMismatch(RegardError):
    """A ClientRequestToken was reused with different input parameters."""

    code = "IdempotentParameterMismatchException"


class ImageTooLarge(RegardError):
    """Image size is too large"""

    code = "ImageTooLargeException"


class InternalServerError(RegardError):
    """Amazon Rekognition experienced a service issue. Try your call again."""

    code = "InternalServerError"
    status = 500

    def __init__(self, message: str | None = None, *, public: str | None = None) -> None:
        """`public` is what a client may read; otherwise it learns only that the server has a fault. `message` may name
        paths, hosts and what a database said, which are the operator's alone."""
        super().__init__(message or public)
        self._public = public

    @property
    def public(self) -> str:
        return self._public or str(InternalServerError.__doc__)


class InvalidImageFormat(RegardError):
    """Request has invalid image format"""

    code = "InvalidImageFormatException"


class InvalidManifest(RegardError):
    """The manifest file is empty or larger than the allowed limit."""

    code = "InvalidManifestException"


class InvalidPaginationToken(RegardError):
    """Invalid Pagination Token"""

    code = "InvalidPaginationTokenException"


class InvalidParameter(RegardError):
    """Request has invalid parameters"""

    code = "InvalidParameterException"


class BrokenConstraint(InvalidParameter):
    """1 validation error detected"""

    code = "ValidationException"


class InvalidPolicyRevisionId(RegardError):
    """The supplied revision id for the project policy is invalid."""

    code = "InvalidPolicyRevisionIdException"


class InvalidS3Object(RegardError):
    """Unable to get object metadata from S3. Check object key, region and/or access permissions."""

    code = "InvalidS3ObjectException"


class LimitExceeded(RegardError):
    """A service limit was exceeded."""

    code = "LimitExceededException"


class MalformedPolicyDocument(RegardError):
    """The format of the project policy document is incorrect."""

    code = "MalformedPolicyDocumentException"


class ProvisionedThroughputExceeded(RegardError):
    """Provisioned Rate exceeded."""

    code = "ProvisionedThroughputExceededException"


class ResourceAlreadyExists(RegardError):
    """A resource with the specified ID already exists."""

    code = "ResourceAlreadyExistsException"


class ResourceInUse(RegardError):
    """The specified resource is already being used."""

    code = "ResourceInUseException"


class ResourceNotFound(RegardError):
    """The resource specified in the request cannot be found."""

    code = "ResourceNotFoundException"


class ResourceNotReady(RegardError):
    """The requested resource isn't ready."""

    code = "ResourceNotReadyException"


class ServiceQuotaExceeded(RegardError):
    """The size of the collection exceeds the allowed limit."""

    code = "ServiceQuotaExceededException"


class SessionNotFound(RegardError):
    """The session id is not found."""

    code = "SessionNotFoundException"


class Throttling(RegardError):
    """Slow down; sudden increase in rate of requests."""

    code = "ThrottlingException"


class VideoTooLarge(RegardError):
    """The file size or duration of the supplied media is too large. The maximum is 10 GB and 6 hours."""

    code = "VideoTooLargeException"


# -- the protocol's errors: answered before an operation is reached ----------------------------------------------


class IncompleteSignature(RegardError):
    """The request signature does not conform to AWS standards."""

    code = "IncompleteSignatureException"


class InvalidSignature(RegardError):
    """The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method."""  # noqa: E501

    code = "InvalidSignatureException"


class MissingAuthenticationToken(RegardError):
    """Missing Authentication Token"""

    code = "MissingAuthenticationTokenException"


class UnrecognizedClient(RegardError):
    """The security token included in the request is invalid."""

    code = "UnrecognizedClientException"


class ExpiredToken(RegardError):
    """The security token included in the request is expired"""

    code = "ExpiredTokenException"


class InvalidIdentityToken(RegardError):
    """The web identity token that was passed could not be validated."""

    code = "InvalidIdentityToken"


class SignInRefused(RegardError):
    """The login, the password or the code is wrong."""

    code = "SignInRefused"
    status = 401


class CodeNeeded(SignInRefused):
    """A code of the authenticator app is needed as well. Send it as `code`."""

    code = "CodeNeeded"


class UnknownOperation(RegardError):
    """The requested operation is not known to this service."""

    code = "UnknownOperationException"


class Serialization(RegardError):
    """The request body is not valid JSON."""

    code = "SerializationException"


class RequestTimeout(RegardError):
    """The request body did not arrive in time. Send it again."""

    code = "RequestTimeoutException"


class RequestTooLarge(RegardError):
    """The request body is larger than this service reads."""

    code = "RequestEntityTooLargeException"
    status = 413


class ServiceUnavailable(RegardError):
    """The server is ending. Try again in a moment."""

    code = "ServiceUnavailable"
    status = 503


# -- faults of this installation: a client can only learn that the server has one ---------------------------------


class SettingsError(InternalServerError):
    """The settings are not usable."""


class ModelUnavailable(InternalServerError):
    """A model file is missing and could not be fetched."""
