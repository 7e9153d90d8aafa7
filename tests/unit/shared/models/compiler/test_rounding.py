import numpy as np

from shared.models.compiler.rounding import LARGEST, gram_matrix, rounded

RNG = np.random.default_rng(3)


def test_rounding_with_the_inputs_in_mind_changes_answers_less_than_rounding_each_weight() -> None:
    mixing = RNG.standard_normal((4, 48))
    inputs = RNG.standard_normal((2_000, 4)) @ mixing + 0.05 * RNG.standard_normal((2_000, 48))
    kernel = RNG.standard_normal((48, 8))

    found = rounded(kernel, inputs.T @ inputs, np.zeros(8))

    nearest = np.rint(kernel / found.steps) * found.steps
    ours = np.abs(inputs @ (found.weights * found.steps) - inputs @ kernel).mean()
    theirs = np.abs(inputs @ nearest - inputs @ kernel).mean()
    assert ours < theirs / 2
    assert np.abs(found.weights.astype(int)).max() <= LARGEST


def test_steps_are_as_large_as_is_asked_for() -> None:
    found = rounded(RNG.standard_normal((9, 2)), np.eye(9), np.array([0.0, 0.5]))

    assert found.steps[0] < 0.1
    assert found.steps[1] == 0.5


def test_a_gram_matrix_is_of_the_windows_of_a_convolution_in_the_order_of_its_kernel() -> None:
    values = RNG.standard_normal((2, 3, 5, 4)).astype(np.float32)

    gram = gram_matrix(values, (3, 1), (1, 0, 1, 0))

    padded = np.pad(values, ((0, 0), (0, 0), (1, 1), (0, 0)))
    windows = [
        padded[n, :, row : row + 3, column].T.ravel() for n in range(2) for row in range(5) for column in range(4)
    ]
    np.testing.assert_allclose(gram, np.array(windows).T @ np.array(windows), rtol=1e-4, atol=1e-4)
