"""What a second run of one recipe changes: its folder and its seed."""

import pytest
from jsonargparse import Namespace

from interlat.errors import InvalidSetting
from interlat.training.recipe_cli import move_run, spread_seed


def _config(**trainer: object) -> Namespace:
    parts = {part: Namespace(init_args=Namespace(seed=0, other=0)) for part in ("model", "data")}
    return Namespace(seed_everything=7, trainer=Namespace(**trainer), **parts)


def _callback(name: str, /, **arguments: object) -> Namespace:
    return Namespace(class_path=name, init_args=Namespace(**arguments))


def test_the_recipes_seed_reaches_stage_and_data():
    config = _config()
    spread_seed(config)
    assert (config.model.init_args.seed, config.data.init_args.seed) == (7, 7)
    assert config.model.init_args.other == 0


def test_a_seed_of_its_own_stays():
    config = _config()
    config.data.init_args.seed = 3
    spread_seed(config)
    assert (config.model.init_args.seed, config.data.init_args.seed) == (7, 3)


@pytest.mark.parametrize("seed", [True, False, None])
def test_a_seed_that_is_no_number_is_left_to_lightning(seed: bool | None):
    config = _config()
    config.seed_everything = seed
    spread_seed(config)
    assert config.model.init_args.seed == 0


def test_everything_a_run_writes_moves():
    callbacks = [
        _callback("lightning.pytorch.callbacks.ModelCheckpoint", dirpath="a"),
        _callback("lightning.pytorch.callbacks.RichProgressBar", refresh_rate=5),
        _callback("interlat.training.RunFolder", path="a"),
    ]
    config = _config(callbacks=callbacks, logger=_callback("CSVLogger", save_dir="a", name="metrics"))
    move_run(config, "b")
    assert callbacks[0].init_args.dirpath == callbacks[2].init_args.path == "b"
    assert callbacks[1].init_args.as_dict() == {"refresh_rate": 5}
    assert config.trainer.logger.init_args.as_dict() == {"save_dir": "b", "name": "metrics"}


@pytest.mark.parametrize("callbacks", [None, [_callback("lightning.pytorch.callbacks.ModelCheckpoint", dirpath="a")]])
def test_a_recipe_without_a_run_folder_cannot_be_moved(callbacks: list[Namespace] | None):
    with pytest.raises(InvalidSetting, match="--run_folder b moves what interlat"):
        move_run(_config(callbacks=callbacks, logger=True), "b")
