/**
 * OpenAI's rules for `tools` and `tool_choice`: at most 128 functions, names of 64 plain characters, parameters that are an
 * object schema without alternatives at the top level.
 */
import { isObject, type Json } from '#infra/simulator/json.ts'
import {
  absent,
  type Complaint,
  emptyArray,
  first,
  missing,
  tooLong,
  tooMany,
  unknownIn,
  wrongType,
} from '#infra/simulator/openai/chat-body.ts'

const MAX_TOOLS = 128
const MAX_NAME = 64

export function* checkTools(body: Json): Generator<Complaint | undefined> {
  const { tools, tool_choice, parallel_tool_calls } = body
  if (absent(tools)) {
    for (const [name, value] of Object.entries({ tool_choice, parallel_tool_calls })) {
      if (!absent(value)) yield onlyWithTools(name)
    }
    return
  }
  if (!Array.isArray(tools)) return yield wrongType('tools', 'an array of objects', tools)
  if (tools.length === 0) yield emptyArray('tools')
  if (tools.length > MAX_TOOLS) yield tooMany('tools', MAX_TOOLS, tools.length)
  for (const [index, tool] of tools.entries()) yield checkTool(tool, `tools[${index}]`)
  yield checkChoice(
    tool_choice,
    tools.map((tool) => (isObject(tool) && isObject(tool.function) ? tool.function.name : undefined)),
  )
  if (!absent(parallel_tool_calls) && typeof parallel_tool_calls !== 'boolean') {
    yield wrongType('parallel_tool_calls', 'a boolean', parallel_tool_calls)
  }
}

/** A function's name where it is told or called. */
export const checkName = (name: unknown, param: string): Complaint | undefined => {
  if (name === undefined) return missing(param)
  if (typeof name !== 'string') return wrongType(param, 'a string', name)
  if (name.length > MAX_NAME) return tooLong(param, MAX_NAME, name.length)
  if (/^[a-zA-Z0-9_-]+$/.test(name)) return undefined
  return {
    message: `Invalid '${param}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`,
    param,
    code: 'invalid_value',
  }
}

const onlyWithTools = (param: string): Complaint => ({
  message: `Invalid value for '${param}': '${param}' is only allowed when 'tools' are specified.`,
  param,
})

const checkTool = (tool: unknown, path: string): Complaint | undefined => {
  if (!isObject(tool)) return wrongType(path, 'an object', tool)
  if (tool.type !== 'function') {
    return {
      message: `Invalid value: '${String(tool.type)}'. Supported values are: 'function' and 'custom'.`,
      param: `${path}.type`,
      code: 'invalid_value',
    }
  }
  const called = tool.function
  if (!isObject(called)) return missing(`${path}.function`)
  return first([
    unknownIn(tool, ['type', 'function'], `${path}.`),
    unknownIn(called, ['name', 'description', 'parameters', 'strict'], `${path}.function.`),
    checkName(called.name, `${path}.function.name`),
    absent(called.description) || typeof called.description === 'string'
      ? undefined
      : wrongType(`${path}.function.description`, 'a string', called.description),
    checkParameters(called.parameters, String(called.name), `${path}.function.parameters`),
  ])
}

const checkParameters = (schema: unknown, name: string, param: string): Complaint | undefined => {
  if (absent(schema)) return undefined
  if (!isObject(schema)) return wrongType(param, 'an object', schema)
  const wrong = (what: string): Complaint => ({
    message: `Invalid schema for function '${name}': ${what}`,
    param,
    code: 'invalid_function_parameters',
  })
  if (schema.type !== 'object') {
    return wrong(`schema must be a JSON Schema of 'type: "object"', got 'type: "${String(schema.type ?? 'None')}"'.`)
  }
  if (['oneOf', 'anyOf', 'allOf', 'enum', 'not'].some((member) => member in schema)) {
    return wrong("schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level.")
  }
  return isObject(schema.properties) ? undefined : wrong('In context=(), object schema missing properties.')
}

const checkChoice = (choice: unknown, names: readonly unknown[]): Complaint | undefined => {
  if (absent(choice) || choice === 'none' || choice === 'auto' || choice === 'required') return undefined
  const named =
    isObject(choice) && choice.type === 'function' && isObject(choice.function) ? choice.function.name : undefined
  if (named !== undefined && names.includes(named)) return undefined
  return {
    message:
      named === undefined
        ? "Invalid value for 'tool_choice'. Supported values are: 'none', 'auto', and 'required', or a function."
        : "Tool choice 'function' not found in 'tools' parameter.",
    param: 'tool_choice',
    code: 'invalid_value',
  }
}
