// The control flow of a TorchScript method: calls, branches, lists, and what is known beforehand.
#include "script_reader.hpp"

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>

namespace cordlesion::inference {
namespace {

using torch::jit::Block;
using torch::jit::Node;
using torch::jit::Value;

std::optional<Symbol> list_operation(const Node& node, const std::vector<Symbol>& inputs) {
  const auto* list = inputs.empty() ? nullptr : std::get_if<SymbolList>(&inputs[0].is);
  if (list == nullptr) {
    return std::nullopt;
  }
  if (node.kind() == c10::aten::append) {
    (*list)->push_back(inputs[1]);
    return inputs[0];
  }
  if (node.kind() == c10::Symbol::aten("pop") && !(*list)->empty() &&
      known(inputs[1]).toInt() == -1) {
    const Symbol last = (*list)->back();
    (*list)->pop_back();
    return last;
  }
  return std::nullopt;
}

/// An operation on known values alone, by the interpreter's own implementation.
Symbol compute(const Node& node, const std::vector<Symbol>& inputs) {
  torch::jit::Stack values;
  for (const Symbol& symbol : inputs) {
    values.push_back(known(symbol));
  }
  if (node.kind() == c10::prim::ListConstruct) {
    c10::impl::GenericList list(node.output()->type()->containedType(0));
    for (const c10::IValue& value : values) {
      list.push_back(value);
    }
    return {c10::IValue{list}};
  }
  const auto* schema = node.maybeSchema();
  const bool changes_values = schema != nullptr && schema->is_mutable(); // a buffer, for example
  if (node.outputs().size() != 1 || changes_values || node.isNondeterministic() ||
      node.maybeOperator() == nullptr || !(node.kind().is_aten() || node.kind().is_prim())) {
    throw Untranslatable(node.kind().toQualString());
  }
  node.getOperation()(values);
  return {values.back()};
}

} // namespace

const c10::IValue& known(const Symbol& symbol) {
  const auto* value = std::get_if<c10::IValue>(&symbol.is);
  if (value == nullptr) {
    throw Untranslatable("a value that depends on the image");
  }
  return *value;
}

LayerGraph ScriptReader::read(const torch::jit::Module& module, std::int64_t channels) {
  add({.kind = LayerKind::input, .inputs = {}, .channels = channels});
  const auto& method = torch::jit::toGraphFunction(module.get_method("forward").function());
  const auto results = call(*method.graph(), {{module._ivalue()}, {LayerResult{0}}});
  graph_.output = layer_of(results.at(0));
  return std::move(graph_);
}

ScriptReader::Symbols ScriptReader::call(torch::jit::Graph& graph, const Symbols& arguments) {
  Scope scope;
  if (graph.inputs().size() != arguments.size()) {
    throw Untranslatable("a call with other arguments");
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    scope.emplace(graph.inputs()[i], arguments[i]);
  }
  return run(*graph.block(), scope);
}

ScriptReader::Symbols ScriptReader::run(Block& block, Scope& scope) {
  for (Node* node : block.nodes()) {
    const auto results = run(*node, scope);
    for (std::size_t i = 0; i < results.size(); ++i) {
      scope.insert_or_assign(node->output(i), results[i]);
    }
  }
  Symbols results;
  for (const Value* value : block.outputs()) {
    results.push_back(scope.at(value));
  }
  return results;
}

ScriptReader::Symbols ScriptReader::run(Node& node, Scope& scope) {
  Symbols inputs;
  for (const Value* value : node.inputs()) {
    inputs.push_back(scope.at(value));
  }
  switch (node.kind()) {
  case c10::prim::Constant:
    return {{torch::jit::toIValue(node.output()).value_or(c10::IValue{})}};
  case c10::prim::GetAttr:
    return {{known(inputs[0]).toObject()->getAttr(node.s(c10::attr::name))}};
  case c10::prim::unchecked_cast:
    return {inputs[0]};
  case c10::prim::If:
    return run(*node.blocks().at(known(inputs[0]).toBool() ? 0 : 1), scope);
  case c10::prim::CallMethod: {
    const auto type = known(inputs[0]).toObject()->type();
    auto& method = type->getMethod(node.s(c10::attr::name));
    return call(*torch::jit::toGraphFunction(method).graph(), inputs);
  }
  case c10::prim::CallFunction: {
    auto* function = node.input(0)->type()->expectRef<c10::FunctionType>().function();
    return call(*torch::jit::toGraphFunction(*function).graph(),
                {inputs.begin() + 1, inputs.end()});
  }
  default:
    return {operation(node, inputs)};
  }
}

Symbol ScriptReader::operation(Node& node, const Symbols& inputs) {
  if (node.kind() == c10::prim::ListConstruct &&
      node.output()->type()->isSubtypeOf(*c10::ListType::ofTensors())) {
    return {std::make_shared<std::vector<Symbol>>(inputs)};
  }
  if (const auto list = list_operation(node, inputs)) {
    return *list;
  }
  const bool all_known = std::all_of(inputs.begin(), inputs.end(), [](const Symbol& symbol) {
    return std::holds_alternative<c10::IValue>(symbol.is);
  });
  return all_known ? compute(node, inputs) : layer(node, inputs);
}

} // namespace cordlesion::inference
