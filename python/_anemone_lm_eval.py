"""Makes lm-evaluation-harness know the model `anemone`, so that `lm_eval --model anemone` works.

The harness' release 0.4.13 looks for no models of other packages. `anemone_lm_eval.pth` imports this
module when Python starts; when `lm_eval.models` is imported later, the name is entered in the harness'
registry beside its own, with the place of the class: nothing of anemone is loaded until it is asked for.
"""

import sys

_HARNESS_MODELS = "lm_eval.models"


def _register():
    try:
        from lm_eval.api.registry import model_registry
    except ImportError:  # a release with another registry
        return
    if "anemone" not in model_registry:
        model_registry.register("anemone", target="anemone.lm_eval:AnemoneLM")


class _Finder:
    """Finds the harness' models as the other finders do, and registers ours once they are loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != _HARNESS_MODELS:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None:
                break
        else:
            return None
        execute = getattr(spec.loader, "exec_module", None)
        if execute is not None:

            def execute_and_register(module):
                execute(module)
                if module.__name__ == _HARNESS_MODELS:  # loaders may serve several modules
                    _register()

            spec.loader.exec_module = execute_and_register
        return spec


sys.meta_path.insert(0, _Finder())
