"""A model in training: its weights, and how one batch changes them."""

from emulator.training import phi3
from emulator.training.architecture import Integers, Phi3Config, Weights
from emulator.training.hyperparameters import Hyperparameters
from emulator.training.lora import Adapter
from emulator.training.optimizer import AdamW


class Learner:
    """Trains all of `weights` in place or, with LoRA, an adapter that is kept merged into them."""

    def __init__(self, config: Phi3Config, weights: Weights, settings: Hyperparameters) -> None:
        self.config = config
        self.weights = weights
        self.adapter: Adapter | None = None
        self._gradients = weights.like()
        trained = weights
        if settings.apply_lora:
            self.adapter = Adapter.fresh(
                config, rank=settings.lora_r, alpha=settings.lora_alpha, seed=settings.seed
            )
            trained = self.adapter.weights
            self._frozen = Weights.holding(weights)
            self._adapter_gradients = trained.like()
        self._optimizer = AdamW(trained.flat, settings.adamw())

    def learn(
        self, tokens: Integers, targets: Integers, learning_rate: float
    ) -> tuple[float, float]:
        """Takes one step; gives the batch's loss before it and the norm of its gradient."""
        loss = phi3.loss_and_gradients(self.config, self.weights, self._gradients, tokens, targets)
        if self.adapter is None:
            return loss, self._optimizer.step(self._gradients.flat, learning_rate)
        self.adapter.gradients(self._gradients, self._adapter_gradients)
        norm = self._optimizer.step(self._adapter_gradients.flat, learning_rate)
        self.adapter.merge(self._frozen, self.weights)
        return loss, norm
