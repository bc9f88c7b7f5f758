"""One step of TRL's SFTTrainer and one of its DPOTrainer on the CPU, on a snapshot as it lies there.

usage: train.py VERSION_FOLDER
"""

import math
import sys
import tempfile

import datasets
import torch
import trl
from tiny import model, tokenizer
from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

datasets.disable_progress_bars()
LENGTH = 4096


def step(kind, trainer_class, config_class, data, **more):
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        config = config_class(
            output_dir=folder, max_steps=1, per_device_train_batch_size=1, gradient_accumulation_steps=1, max_length=LENGTH,
            use_cpu=True, report_to="none", save_strategy="no", bf16=False, logging_steps=1, disable_tqdm=True, **more,
        )
        # From a folder, because DPO loads its reference model by the name of the model.
        model(LENGTH).save_pretrained(f"{folder}/model")
        network = AutoModelForCausalLM.from_pretrained(f"{folder}/model")
        before = network.transformer.h[0].attn.c_attn.weight.detach().clone()
        trainer = trainer_class(model=network, args=config, train_dataset=data, processing_class=tokenizer())
        loss = trainer.train().training_loss
        moved = not torch.equal(before, trainer.model.transformer.h[0].attn.c_attn.weight.detach())
        assert math.isfinite(loss) and loss > 0 and moved, f"{kind}: loss {loss}, weights moved: {moved}"
        print(f"{kind}: {len(data)} rows, one step, loss {loss:.3f}")
        return trainer


def main():
    folder = sys.argv[1]
    print(f"trl {trl.__version__}, torch {torch.__version__}, on the CPU")
    data = datasets.load_dataset(folder, "trl_sft", split="train")
    trainer = step("SFTTrainer", SFTTrainer, SFTConfig, data, learning_rate=1e-3)
    # The loss must be on the completion alone.
    row = next(iter(trainer.train_dataset))
    trained = [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label != -100]
    said = tokenizer().decode(trained, skip_special_tokens=True)
    expected = data[0]["completion"][0]["content"]
    assert said.strip() == expected.strip()[: len(said.strip())] and said.strip(), "the loss is not on the completion alone"
    assert len(row["input_ids"]) >= LENGTH or said.strip() == expected.strip()
    configs = datasets.get_dataset_config_names(folder)
    if "trl_dpo" not in configs:
        sys.exit("this snapshot has no preference pairs, so DPO was not run")
    data = datasets.load_dataset(folder, "trl_dpo")
    data = data["train"] if "train" in data else next(iter(data.values()))
    step("DPOTrainer", DPOTrainer, DPOConfig, data, learning_rate=1e-3)


main()
