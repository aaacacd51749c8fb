"""The training loop: forward, loss, backward, step."""

from clfw.training.gradients import clip_gradients, gradient_norms
from clfw.training.losses import build_loss
from clfw.training.protocols import FitResult, TrainInputs
from clfw.training.train_state import TrainState


class StandardTrainer:
    """Mini-batch gradient descent as the recipe says."""

    def fit(self, inputs: TrainInputs) -> FitResult:
        """Train `inputs.model` in place; every epoch is reported, and the state saved on the way.

        No line of the batch loop makes the host wait for the device.
        """
        model, recipe = inputs.model, inputs.recipe
        loss_fn = build_loss(recipe, inputs.training.targets, inputs.num_classes)
        state = TrainState(inputs)
        optimizer, guard = state.optimizer, state.guard
        inputs.checkpointer.restore_or_start(state)
        while not state.finished:
            meter = state.meter
            bar = inputs.progress(f"epoch {state.epoch + 1}", len(inputs.training))
            model.train()
            for batch in inputs.training.shuffled(
                state.batch_size,
                seed=recipe.seed,
                epoch=state.epoch,
                start=meter.updates,
                sampling=recipe.sampling,
            ):
                optimizer.lr = state.scheduled_lr()
                for part in batch.microbatches(recipe.accumulate):
                    images, targets = inputs.augment(
                        part.images, part.targets, part.rows, state.epoch
                    )
                    with inputs.device.autocast():
                        logits = model(inputs.normalize(images))
                        loss = loss_fn(logits, targets, batch.targets)
                    loss.backward()
                    meter.add(loss, logits, part)
                norms = gradient_norms(optimizer.parameters)
                norm = clip_gradients(optimizer.parameters, norms, recipe.clip_norm)
                optimizer.found_inf = guard.check(meter.loss, norm, norms)
                meter.update(norm, len(batch))
                optimizer.step()
                optimizer.zero_grad()
                state.finish_update()
                bar.advance(len(batch))
                if state.epoch_done:
                    break
                inputs.checkpointer.maybe_save(state)
            bar.close()
            state.finish_epoch()
            inputs.checkpointer.maybe_save(state)
        return state.finish()
