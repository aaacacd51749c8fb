"""Parameters of the networks."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from clfw.api import Params

Width = Annotated[int, Field(ge=1, le=65536)]
Small = Annotated[int, Field(ge=1, le=64)]


class FashionCnnParams(Params):
    """Of `fashion_cnn`."""

    width: int = Field(4, ge=1, le=4096, description="filters of each convolution, channels")


class FashionMlpParams(Params):
    """Of `fashion_mlp`."""

    hidden: tuple[Width, ...] = Field((64,), description="units of each hidden layer")


class MnistConv5Params(Params):
    """Of `mnist_conv5`."""

    filters: tuple[Width, Width] = Field(
        (32, 64), description="filters of the convolutions, channels"
    )
    hidden: int = Field(1000, ge=1, le=65536, description="units between the linear layers")
    dropout: float = Field(0.5, ge=0, lt=1, description="probability of zeroing a feature")


class MnistConv4BnParams(Params):
    """Of `mnist_conv4_bn`."""

    filters: tuple[Width, Width, Width, Width] = Field(
        (5, 10, 20, 40), description="filters of the convolutions, channels"
    )
    hidden: tuple[Width, Width] = Field((200, 500), description="units of the hidden layers")
    dropout: float = Field(
        0.5, ge=0, lt=1, description="probability of zeroing a unit of the first hidden layer"
    )


class AnimalsCnnParams(Params):
    """Of `animals_cnn`."""

    filters: tuple[Width, ...] = Field(
        (16, 32, 64, 128, 256),
        min_length=1,
        max_length=8,
        description="filters of each block, channels",
    )
    hidden: int = Field(448, ge=1, le=65536, description="units of the hidden layer")
    dropout: float = Field(
        0.5, ge=0, lt=1, description="probability of zeroing, before each linear layer"
    )


class MathCnnParams(Params):
    """Of `math_cnn`."""

    filters: tuple[Width, Width] = Field(
        (32, 64), description="filters of the convolutions, channels"
    )
    hidden: int = Field(128, ge=1, le=65536, description="units of the hidden layer")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="probability of zeroing, before the last layer"
    )
    batch_norm: bool = Field(False, description="batch norm after each convolution, before ReLU")
    init_std: float = Field(
        0.01, gt=0, le=1, description="standard deviation of the convolutions' first weights"
    )


class FastCnnParams(Params):
    """Of `fast_cnn`."""

    filters: tuple[Width, Width, Width, Width] = Field(
        (16, 32, 32, 64), description="filters of the convolutions, channels"
    )
    mirror: bool = Field(
        False, description="answer by the mean over a picture and its mirror image, once trained"
    )


class PlainCnnParams(Params):
    """Of `plain_cnn`: lists have one value a layer, or a single value for all layers."""

    filters: tuple[Width, ...] = Field(
        (32, 64), max_length=16, description="filters of each convolution, channels"
    )
    kernel: tuple[Small, ...] = Field((3,), min_length=1, description="side of each kernel, pixels")
    stride: tuple[Small, ...] = Field((1,), min_length=1, description="step of each kernel, pixels")
    padding: Literal["same", "valid"] = Field(
        "same", description="(kernel - 1) / 2 black pixels around (same), or none (valid)"
    )
    pooling: Literal["max", "average", "none"] = Field(
        "max", description="pooling after each convolution"
    )
    pool_size: int = Field(2, ge=2, le=16, description="side and step of the pooling, pixels")
    global_pooling: Literal["max", "average", "none"] = Field(
        "none", description="pooling over the whole map before the head"
    )
    hidden: tuple[Width, ...] = Field(
        (128,), max_length=8, description="units of each hidden layer"
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="probability of zeroing, before each linear layer"
    )
    batch_norm: bool = Field(False, description="batch norm after each convolution, before ReLU")
    initialisation: Literal["default", "he", "xavier", "normal"] = Field(
        "default", description="first weights: PyTorch's, He or Xavier uniform, normal(0, 0.01)"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "PlainCnnParams":
        for name in ("kernel", "stride"):
            count = len(getattr(self, name))
            if count not in (1, len(self.filters)):
                raise ValueError(
                    f"{name} has {count} values, and there are {len(self.filters)} convolutions"
                )
        if self.padding == "same" and any(side % 2 == 0 for side in self.kernel):
            raise ValueError("padding 'same' needs kernels of odd side")
        return self
