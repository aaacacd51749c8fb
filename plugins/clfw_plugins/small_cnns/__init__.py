"""The networks of the documents, a faster one, and a kit to build small CNNs."""

from clfw import Architecture, hookimpl

_HERE = "clfw_plugins.small_cnns"


@hookimpl
def clfw_architectures() -> list[Architecture]:
    return [
        Architecture(
            name="fashion_cnn",
            summary="two 3x3 convolutions with batch norm and pooling, one linear layer",
            build=f"{_HERE}.fashion:build_cnn",
            params=f"{_HERE}.params:FashionCnnParams",
            parameter_count=2_174,
        ),
        Architecture(
            name="fashion_mlp",
            summary="plain network: flattened pixels, hidden layers with ReLU, one linear layer",
            build=f"{_HERE}.fashion:build_mlp",
            params=f"{_HERE}.params:FashionMlpParams",
            parameter_count=50_890,
        ),
        Architecture(
            name="mnist_conv5",
            summary="two 5x5 convolutions with pooling, dropout, two linear layers",
            build=f"{_HERE}.mnist:build_conv5",
            params=f"{_HERE}.params:MnistConv5Params",
            parameter_count=3_199_106,
        ),
        Architecture(
            name="mnist_conv4_bn",
            summary="four 3x3 convolutions with batch norm after ReLU, three linear layers",
            build=f"{_HERE}.mnist:build_conv4_bn",
            params=f"{_HERE}.params:MnistConv4BnParams",
            parameter_count=507_420,
        ),
        Architecture(
            name="animals_cnn",
            summary="five 3x3 convolutions of 16 to 256 filters with pooling, two linear layers",
            build=f"{_HERE}.animals:build",
            params=f"{_HERE}.params:AnimalsCnnParams",
            parameter_count=2_232_554,
        ),
        Architecture(
            name="math_cnn",
            summary="two 3x3 convolutions of 32 and 64 filters, one hidden layer, set initial weights",
            build=f"{_HERE}.mathematics:build",
            params=f"{_HERE}.params:MathCnnParams",
            parameter_count=421_642,
        ),
        Architecture(
            name="fast_cnn",
            summary="four convolutions with batch norm, the first of stride 2, one linear layer",
            build=f"{_HERE}.fast:build",
            params=f"{_HERE}.params:FastCnnParams",
        ),
        Architecture(
            name="plain_cnn",
            summary="a building kit: filters, kernels, strides, padding, pooling, hidden layers",
            build=f"{_HERE}.kit:build",
            params=f"{_HERE}.params:PlainCnnParams",
        ),
    ]
