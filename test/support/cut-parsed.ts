/**
 * What taking features out of a request means, said on parsed values and by recursion: the yardstick for the cuts in the raw
 * text. Written from the rules, not from our code.
 */
type Json = { [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The request without one field, in the notation of paired-features.ts. */
export const cutParsed = (request: unknown, field: string): unknown => {
  const paths = field.startsWith('**.')
    ? ['', 'system.*.', 'tools.*.', 'messages.*.content.*.'].map((prefix) => prefix + field.slice(3))
    : [field]
  return paths.reduce<unknown>((value, path) => without(value, path.split('.'), []) ?? {}, request)
}

/** Undefined for a value that goes as a whole. */
const without = (value: unknown, steps: readonly string[], trail: readonly string[]): unknown => {
  const [step, ...rest] = steps
  if (step === undefined) return undefined
  if (Array.isArray(value)) return step.startsWith('*') ? withoutItems(value, step, rest, trail) : value
  if (!isObject(value)) return value
  const name = step.split(/[:=]/, 1)[0] ?? ''
  if (!(name in value) || !isChosen(value[name], step)) return value
  const left = without(value[name], rest, [...trail, name])
  const result = Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) =>
      key !== name ? [[key, one]] : left === undefined ? [] : [[key, left]],
    ),
  )
  if (left !== undefined && JSON.stringify(left) === JSON.stringify(value[name])) return result
  if (trail.join() === 'messages,*' && saysNothing(result)) return undefined
  return Object.keys(result).length === 0 ? undefined : result
}

const withoutItems = (
  items: readonly unknown[],
  step: string,
  rest: readonly string[],
  trail: readonly string[],
): unknown => {
  const left = items.flatMap((item) => {
    const inner = trail.at(-1) === 'content' ? withoutWithin(item, [step, ...rest], trail) : item
    if (inner === undefined) return []
    if (!isChosen(inner, step)) return [inner]
    if (step === '*:tool_reference') return [withName(inner)]
    const one = without(inner, rest, [...trail, '*'])
    return one === undefined ? [] : [one]
  })
  return left.length === 0 && items.length > 0 ? undefined : left
}

/** The lists in a block: its content, and the content of its source; three levels in all. */
const withoutWithin = (block: unknown, steps: readonly string[], trail: readonly string[]): unknown => {
  if (!isObject(block) || trail.filter((step) => step === 'content').length > 2) return block
  const ofContent = Array.isArray(block.content) ? without(block, ['content', ...steps], trail) : block
  if (!isObject(ofContent) || !isObject(ofContent.source) || !Array.isArray(ofContent.source.content)) return ofContent
  return without(ofContent, ['source', 'content', ...steps], trail)
}

const isChosen = (value: unknown, step: string): boolean => {
  const [, type] = step.split(':')
  const [, exact] = step.split('=')
  if (exact !== undefined) return value === exact
  return type === undefined || (isObject(value) && typeof value.type === 'string' && value.type.startsWith(type))
}

const withName = (block: unknown): unknown => {
  if (!isObject(block) || typeof block.tool_name !== 'string' || block.tool_name === '') return block
  return Object.fromEntries(
    Object.entries(block).map(([key, value]) =>
      key === 'type' ? ['type', 'text'] : key === 'tool_name' ? ['text', value] : [key, value],
    ),
  )
}

const saysNothing = (message: Json): boolean => {
  const { content } = message
  if ('output_config' in message) return false
  return content === undefined || content === null || content === '' || (Array.isArray(content) && content.length === 0)
}
