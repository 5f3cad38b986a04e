"""The field by which requests of the API carry an electronic signature of their act."""

from typing import Any, ClassVar

from registry.core.fields import BaseSchema, InputField
from registry.core.values import InvalidValue
from registry.signatures.service import SentSignature
from registry.signatures.verification import MAX_CMS


class SignatureField(InputField):
    """``{signed_at, cms}``, as ``POST /signatures/content`` and the signing program gave them."""

    json_schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "required": ["signed_at", "cms"],
        "additionalProperties": False,
        "properties": {
            "signed_at": {"type": "string", "format": "date-time", "description": "As `/signatures/content` gave it."},
            "cms": {
                "type": "string",
                "maxLength": MAX_CMS * 2,
                "description": "A detached CMS of the content, in base64 or PEM.",
            },
        },
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> SentSignature:  # noqa: ARG002 - marshmallow's
        is_object = isinstance(value, dict) and set(value) == {*SentSignature._fields}
        if not is_object or not all(isinstance(each, str) for each in value.values()):
            raise InvalidValue("expected-signature")
        return SentSignature(**value)


class Signable(BaseSchema):
    """An act that can be signed electronically."""

    signature = SignatureField(
        description="The electronic signature of the account's person over what `POST /signatures/content` returned."
    )
