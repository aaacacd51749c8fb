"""The training loop: forward, loss, backward, step."""

from clfw.training.losses import build_loss
from clfw.training.protocols import FitResult, TrainInputs
from clfw.training.train_state import TrainState


class StandardTrainer:
    """Mini-batch gradient descent as the recipe says."""

    def fit(self, job: TrainInputs) -> FitResult:
        """Train `job.model` in place; every epoch is reported, and the state kept on the way."""
        model, recipe = job.model, job.recipe
        loss = build_loss(recipe, job.training.targets, job.num_classes)
        state = TrainState(job)
        job.checkpointer.restore_or_start(state)
        while not state.finished:
            record = state.record
            bar = job.progress(f"epoch {state.epoch + 1}", len(job.training))
            model.train()
            for batch in job.training.shuffled(
                state.batch_size,
                seed=recipe.seed,
                epoch=state.epoch,
                start=record.updates,
                sampling=recipe.sampling,
            ):
                state.set_learning_rate()
                for part in batch.microbatches(recipe.accumulate):
                    images, targets = job.augment(part.images, part.targets, part.rows, state.epoch)
                    with job.device.autocast():
                        logits = model(job.normalize(images))
                        share = loss(logits, targets, batch.targets)
                    share.backward()
                    record.add(share, logits, part)
                record.close_update(len(batch))
                state.update()
                bar.advance(len(batch))
                if state.epoch_done:
                    break
                job.checkpointer.maybe_save(state)
            bar.close()
            state.close_epoch()
            job.checkpointer.maybe_save(state)
        return state.finish()
