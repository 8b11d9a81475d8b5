#include "mil/builder.h"

#include <algorithm>
#include <unordered_set>

#include "base/check.h"

namespace anemone::mil {
namespace {

/// Two constants of the same key are the same constant.
std::string contents_key(const Tensor& tensor) {
  std::string key =
      fmt::format("{} {} ", anemone::to_string(tensor.dtype()), tensor.shape().to_string());
  if (tensor.dtype() == DType::string) {
    for (const std::string& text : tensor.strings()) key += text + '\0';
    return key;
  }
  const auto bytes = tensor.bytes();
  return key.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

template <typename T>
Tensor vector_of(DType dtype, const std::vector<T>& values) {
  Tensor tensor = Tensor::zeros(dtype, Shape{static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i)
    tensor.set(static_cast<int64_t>(i), static_cast<double>(values[i]));
  return tensor;
}

Tensor scalar_of(DType dtype, double value) {
  Tensor tensor = Tensor::zeros(dtype, {});
  tensor.set(0, value);
  return tensor;
}

Value tensor_value(const Tensor& tensor) {
  return Value{.type = ValueType::of(tensor.dtype(), tensor.shape()), .tensor = tensor};
}

/// Drops operations that neither an output nor a state needs.
void drop_unused(Block& block) {
  std::unordered_set<std::string_view> used(block.outputs.begin(), block.outputs.end());
  std::vector<bool> keep(block.operations.size(), true);
  for (size_t at = block.operations.size(); at-- > 0;) {
    const Operation& operation = block.operations[at];
    keep[at] = operation.type == "write_state" ||
               std::ranges::any_of(operation.outputs, [&](const NamedType& output) {
                 return used.contains(output.name);
               });
    if (!keep[at]) continue;
    for (const Argument& argument : operation.inputs)
      for (const Binding& binding : argument.bindings)
        if (binding.is_name()) used.insert(binding.name());
  }
  std::vector<Operation> kept;
  for (size_t at = 0; at < block.operations.size(); ++at)
    if (keep[at]) kept.push_back(std::move(block.operations[at]));
  block.operations = std::move(kept);
}

}  // namespace

Builder::Builder(std::string function, std::string opset) : opset_(opset_number(opset)) {
  ANEMONE_CHECK(opset_ > 0, "the opset is a known one");
  function_.name = std::move(function);
  function_.opset = std::move(opset);
}

Builder::NameScope::NameScope(Builder& builder, std::string_view name)
    : builder_(builder), length_(builder.prefix_.size()) {
  builder_.prefix_.append(name).push_back('_');
}

Builder::NameScope::~NameScope() { builder_.prefix_.resize(length_); }

const std::string* Builder::unique_name(std::string_view hint, bool scoped) {
  const std::string wanted = scoped ? prefix_ + std::string(hint) : std::string(hint);
  std::string name = wanted;
  while (!taken_.try_emplace(name, 0).second)
    name = fmt::format("{}_{}", wanted, ++taken_.find(wanted)->second);
  return &names_.emplace_back(std::move(name));
}

Var Builder::define(const std::string* name, const ValueType& type, const Tensor* value,
                    bool is_constant) {
  const ValueType* kept = &types_.emplace_back(type);
  const bool is_new =
      scope_.define(*name, Operand{.type = kept, .value = value, .constant = is_constant});
  ANEMONE_CHECK(is_new, "names are unique");
  return Var(name, kept);
}

Var Builder::input(std::string_view name, DType dtype, const Shape& shape) {
  const std::string* unique = unique_name(name, false);
  ANEMONE_CHECK(*unique == name, "inputs are declared before anything takes their names");
  function_.inputs.push_back({*unique, ValueType::of(dtype, shape)});
  return define(unique, function_.inputs.back().type, nullptr, false);
}

Var Builder::state(std::string_view name, DType dtype, const Shape& shape) {
  const std::string* unique = unique_name(name, false);
  ANEMONE_CHECK(*unique == name, "states are declared before anything takes their names");
  ValueType type = ValueType::of(dtype, shape);
  type.kind = ValueType::Kind::state;
  function_.inputs.push_back({*unique, type});
  return define(unique, type, nullptr, false);
}

void Builder::output(std::string_view name, Var value) { outputs_.emplace_back(name, value); }

Var Builder::define_constant(std::string_view hint, Value value, bool scoped) {
  const std::string* name = unique_name(hint, scoped);
  const Tensor* contents = value.tensor.defined() ? &values_.emplace_back(value.tensor) : nullptr;
  const Var var = define(name, value.type, contents, true);
  function_.block.operations.push_back(
      Operation{.type = "const",
                .outputs = {{*name, value.type}},
                .attributes = {{"name", make_string(*name)}, {"val", std::move(value)}}});
  return var;
}

Var Builder::constant(std::string_view hint, const Tensor& contents) {
  std::string key = contents_key(contents);
  if (const auto found = constants_.find(key); found != constants_.end()) return found->second;
  const Var var = define_constant(hint, tensor_value(contents), false);
  constants_.emplace(std::move(key), var);
  return var;
}

Var Builder::scalar(DType dtype, double value) {
  ANEMONE_CHECK(is_float(dtype), "scalars are numbers with a fraction");
  return constant("scalar", scalar_of(dtype, value));
}

Var Builder::deferred(std::string_view hint, std::string_view path, DType dtype,
                      const Shape& shape) {
  ANEMONE_CHECK(shape.is_known(), "a deferred constant has a known shape");
  if (const auto found = deferred_.find(path); found != deferred_.end()) {
    ANEMONE_CHECK(found->second.type() == ValueType::of(dtype, shape), "a path has one type");
    return found->second;
  }
  Value value{.type = ValueType::of(dtype, shape)};
  value.blob = std::make_shared<const BlobReference>(BlobReference{.path = std::string(path)});
  const Var var = define_constant(hint, std::move(value), true);
  deferred_.emplace(path, var);
  return var;
}

std::vector<Binding> Builder::bindings_of(const Argument& argument) {
  const auto named = [](const Var& var) {
    ANEMONE_CHECK(var.defined(), "an argument is a value of this function");
    return Binding{var.name()};
  };
  const auto bound = [&](const Tensor& contents) {
    return std::vector{named(constant(argument.parameter, contents))};
  };
  if (const auto* var = std::get_if<Var>(&argument.target)) return {named(*var)};
  if (const auto* vars = std::get_if<std::vector<Var>>(&argument.target)) {
    std::vector<Binding> bindings;
    for (const Var& var : *vars) bindings.push_back(named(var));
    return bindings;
  }
  if (const auto* number = std::get_if<int64_t>(&argument.target))
    return bound(scalar_of(DType::int32, static_cast<double>(*number)));
  if (const auto* flag = std::get_if<bool>(&argument.target))
    return bound(scalar_of(DType::bool_, *flag ? 1 : 0));
  if (const auto* text = std::get_if<std::string_view>(&argument.target))
    return bound(Tensor::from_strings({}, {std::string(*text)}));
  if (const auto* numbers = std::get_if<std::vector<int64_t>>(&argument.target))
    return bound(vector_of(DType::int32, *numbers));
  return bound(vector_of(DType::bool_, std::get<std::vector<bool>>(argument.target)));
}

std::vector<Var> Builder::add_all(std::string_view type, std::string_view hint, size_t count,
                                  const Arguments& arguments) {
  const OpDef* op = find_op(type);
  ANEMONE_CHECK(op != nullptr && op->kind != OpKind::control && op->first_opset <= opset_,
                "the operation exists in the opset of the function");
  Operation operation{.type = std::string(type)};
  for (const Argument& argument : arguments) {
    const bool is_tuple = std::holds_alternative<std::vector<Var>>(argument.target);
    operation.inputs.push_back(mil::Argument{.parameter = std::string(argument.parameter),
                                             .bindings = bindings_of(argument),
                                             .is_tuple = is_tuple});
  }
  std::ranges::sort(operation.inputs, {}, &mil::Argument::parameter);

  std::vector<const std::string*> names;
  for (size_t i = 0; i < count; ++i)
    names.push_back(
        unique_name(count > 1 ? fmt::format("{}_{}", hint, i) : std::string(hint), true));
  operation.attributes.emplace_back("name",
                                    make_string(count == 1 ? *names[0] : *unique_name(hint, true)));

  std::vector<Violation> faults;
  const BoundInputs bound = BoundInputs::resolve(operation, *op, scope_, faults);
  ANEMONE_CHECK(faults.empty(), fmt::format("{}: {}", type, faults.front().message));
  const Inferred inferred = op->infer(bound.operands(opset_), count);
  const auto* violation = std::get_if<Violation>(&inferred);
  ANEMONE_CHECK(violation == nullptr, fmt::format("{}: {}", type, violation->message));
  const auto& types = std::get<std::vector<ValueType>>(inferred);
  ANEMONE_CHECK(types.size() == count, "the operation has that many outputs");
  std::vector<Var> vars;
  for (size_t i = 0; i < count; ++i) {
    operation.outputs.push_back({*names[i], types[i]});
    vars.push_back(define(names[i], types[i], nullptr, false));
  }
  function_.block.operations.push_back(std::move(operation));
  return vars;
}

Var Builder::add(std::string_view type, std::string_view hint, const Arguments& arguments) {
  return add_all(type, hint, 1, arguments)[0];
}

Function Builder::finish() && {
  prefix_.clear();
  for (const auto& [name, value] : outputs_) {
    // Outputs are named by the operation that makes them; another name or an input takes an
    // operation of its own.
    const Var named = value.name() == name ? value : add("identity", name, {{"x", value}});
    ANEMONE_CHECK(named.name() == name, "nothing else has the name of an output");
    function_.block.outputs.push_back(named.name());
  }
  drop_unused(function_.block);
  return std::move(function_);
}

}  // namespace anemone::mil
