"""The networks of other libraries that the benchmarks compare with."""

from itertools import pairwise

from sklearn.neural_network import MLPClassifier


def mlp(sizes, n_epochs, batch_size, rate, momentum=0.0):
    """MLPClassifier with plain sgd, a constant rate and a fixed number of epochs."""
    return MLPClassifier(
        sizes[1:-1],
        activation="tanh",
        solver="sgd",
        batch_size=batch_size,
        alpha=0.0,
        momentum=momentum,
        nesterovs_momentum=False,
        learning_rate_init=rate,
        max_iter=n_epochs,
        n_iter_no_change=n_epochs,
    )


def torch_net(sizes, dtype):
    """PyTorch network of linear layers with tanh between them."""
    from torch import nn

    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out, dtype=dtype), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def torch_fit(X, targets, sizes, n_epochs, batch_size, rate, momentum=0.0):
    """Train a PyTorch network by a loop over shuffled batches.

    Targets of one dimension are class numbers and use the cross-entropy; other targets
    use the squared error.
    """
    import torch
    from torch import nn

    torch.set_num_threads(1)
    X, targets = torch.from_numpy(X), torch.from_numpy(targets)
    net = torch_net(sizes, X.dtype)
    criterion = nn.MSELoss() if targets.ndim == 2 else nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=momentum)
    for _ in range(n_epochs):
        order = torch.randperm(len(X))
        batches = X[order].split(batch_size), targets[order].split(batch_size)
        for x, target in zip(*batches, strict=True):
            optimizer.zero_grad()
            criterion(net(x), target).backward()
            optimizer.step()
    return net


def skorch_net(sizes, n_epochs, batch_size, rate, momentum=0.0):
    """The PyTorch network as a skorch classifier, without a validation set."""
    import torch
    from skorch import NeuralNetClassifier
    from torch import nn

    return NeuralNetClassifier(
        torch_net(sizes, torch.float32),
        criterion=nn.CrossEntropyLoss,
        lr=rate,
        optimizer__momentum=momentum,
        batch_size=batch_size,
        max_epochs=n_epochs,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
