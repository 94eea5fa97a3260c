import pytest

from netwright.data.split_names import find_splits, is_split_like, is_unlabeled_name, split_of


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *[
            (name, "train")
            for name in ("train", "Train", "TRAINING", "trainset", "train_images", "seg_train", "train2017")
        ],
        *[(name, "validation") for name in ("val", "Valid", "validation_set", "dev", "ILSVRC2012_img_val")],
        *[(name, "test") for name in ("test", "Testing", "test-set", "seg_test", "testset", "test1", "eval")],
        *[(name, None) for name in ("cat", "trainer", "contest", "valley", "latest", "train_test", "")],
    ],
)
def test_names_of_splits(name, split):
    assert split_of(name) == split
    assert is_split_like(name) == (split is not None)


def test_a_name_with_other_words_needs_another_one_like_it():
    assert find_splits(["seg_train", "seg_test", "seg_pred"]) == {"seg_train": "train", "seg_test": "test"}
    assert find_splits(["bullet_train", "car"]) == {}
    assert find_splits(["bullet_train", "steam_train"]) == {}
    assert find_splits(["train", "test_images"]) == {"train": "train", "test_images": "test"}


def test_images_to_predict():
    assert is_unlabeled_name("seg_pred")
    assert is_unlabeled_name("Unlabeled")
    assert not is_unlabeled_name("predator")
