/**
 * Takes fields out of the raw text of a Messages body: `output_config.effort`, `tools.*.strict`, and so on; the steps of
 * these paths are explained in paired-features.ts. Every other byte stays. Not recursive, and lists of blocks are read as
 * deep as the API nests them: the depth of a body is the client's to choose.
 */
import {
  type Edit,
  editBytes,
  itemsAt,
  latin1,
  type Member,
  membersAt,
  type Place,
  removals,
  rootAt,
} from '#domain/dialect/json-cuts.ts'
import type { Steps } from '#domain/steps.ts'

/**
 * What is emptied by it goes as a whole, and so does a message that then says nothing. A `tool_reference` block, the answer
 * of a search for tools, becomes a text block with the tool's name: a server without such a search has the tool in its list.
 * @param body valid JSON in UTF-8.
 * @returns the same array when there is nothing to cut. `cut`: those of `fields` that were there, and what went with them.
 */
export const cutFields = function* (
  body: Uint8Array,
  fields: readonly string[],
): Steps<{ readonly body: Uint8Array; readonly cut: readonly string[] }> {
  if (fields.length === 0) return { body, cut: [] }
  const outline = makeOutline(latin1(body))
  const cut: string[] = []
  for (const field of fields) {
    yield
    if (cutField(outline, field)) cut.push(field)
  }
  if (cut.length === 0) return { body, cut }
  yield
  settle(outline)
  for (const [field, dependent] of DEPENDENTS) {
    if (isGone(outline, field) && cutField(outline, dependent)) cut.push(dependent)
  }
  settle(outline)
  yield
  const edits = [...outline.nodes.values()].flatMap((node) =>
    node.gone.size === 0 ? [] : removals(node.entries, node.gone),
  )
  return { body: editBytes(body, [...outline.edits, ...edits]), cut }
}

/** What the API refuses without the other: clearing thinking where there is none, a choice where there are no tools. */
const DEPENDENTS = [
  ['thinking', 'context_management.edits.*:clear_thinking_'],
  ['tools', 'tool_choice'],
] as const

/** An object, or an array, whose entries have no names. */
interface Node {
  readonly entries: readonly (Place & Partial<Member>)[]
  readonly parent: Entry | undefined
  /** Indices of the entries to cut. */
  readonly gone: Set<number>
}

interface Entry {
  readonly node: Node
  readonly index: number
}

interface Outline {
  readonly text: string
  readonly root: Node
  /** By the start of the value, so that each is read once, however many paths lead there. A parent comes before its children. */
  readonly nodes: Map<number, Node>
  readonly edits: Edit[]
}

const makeOutline = (text: string): Outline => {
  const start = rootAt(text)
  const root: Node = { entries: membersAt(text, start), parent: undefined, gone: new Set() }
  return { text, root, nodes: new Map([[start, root]]), edits: [] }
}

/** @returns whether there was something to cut. */
const cutField = (outline: Outline, field: string): boolean => {
  const paths = field.startsWith('**.') ? BEARERS_OF_MARKS.map((bearer) => bearer + field.slice(3)) : [field]
  const found = paths.flatMap((path) => find(outline, path.split('.')))
  if (field.endsWith('*:tool_reference')) return found.filter((entry) => nameTool(outline, entry)).length > 0
  for (const { node, index } of found) node.gone.add(index)
  return found.length > 0
}

/** Where a mark for the cache may be. */
const BEARERS_OF_MARKS = ['', 'system.*.', 'tools.*.', 'messages.*.content.*.']

const find = (outline: Outline, steps: readonly string[]): readonly Entry[] => {
  if (!mayHold(outline, steps)) return []
  let nodes: readonly Node[] = [outline.root]
  let entries: readonly Entry[] = []
  steps.forEach((step, depth) => {
    if (depth > 0) nodes = entries.map((entry) => enter(outline, entry))
    if (steps[depth - 1] === 'content') nodes = withListsWithin(outline, nodes)
    entries = nodes.flatMap((node) => entriesOf(outline, node, step))
  })
  return entries
}

/** A search for the quoted names answers for most bodies. An escape could hide a name; then all is read. */
const mayHold = (outline: Outline, steps: readonly string[]): boolean => {
  const [first, ...others] = steps.map((step) => STEP.exec(step)?.groups ?? {})
  const needles = others.flatMap(({ name, type, value }) => [
    ...(name === '*' ? [] : [`"${name}"`]),
    ...(type === undefined ? [] : [`"${type}`]),
    ...(value === undefined ? [] : [`"${value}"`]),
  ])
  return outline.root.entries.some((entry) => {
    if (entry.name !== first?.name || entry.value === undefined) return false
    const text = outline.text.slice(entry.value.start, entry.value.end)
    return needles.every((needle) => text.includes(needle)) || ESCAPED.test(text)
  })
}

const STEP = /^(?<name>[^:=]*)(?::(?<type>.*)|=(?<value>.*))?$/
/** Digits, letters and the underscore. */
const ESCAPED = /\\u00[3-7]/

const entriesOf = (outline: Outline, node: Node, step: string): readonly Entry[] => {
  const { name, type, value } = STEP.exec(step)?.groups ?? {}
  const found: Entry[] = []
  node.entries.forEach((entry, index) => {
    if (entry.name !== (name === '*' ? undefined : name)) return
    if (value !== undefined && stringAt(outline, entry.value) !== value) return
    if (type !== undefined && !typeOf(outline, enter(outline, { node, index })).startsWith(type)) return
    found.push({ node, index })
  })
  return found
}

const enter = (outline: Outline, parent: Entry): Node => {
  const entry = parent.node.entries[parent.index]
  const start = entry?.value?.start ?? entry?.start ?? outline.text.length
  const known = outline.nodes.get(start)
  if (known !== undefined) return known
  const isList = outline.text[start] === '['
  const entries = isList ? itemsAt(outline.text, start) : membersAt(outline.text, start)
  const node: Node = { entries, parent, gone: new Set() }
  outline.nodes.set(start, node)
  return node
}

/** The blocks of a tool result, and the texts of a search result or of a document within it. */
const withListsWithin = (outline: Outline, lists: readonly Node[]): readonly Node[] => {
  const within = (list: Node): readonly Node[] =>
    list.entries.flatMap((_, index) => {
      const block = enter(outline, { node: list, index })
      const sources = entriesOf(outline, block, 'source').map((source) => enter(outline, source))
      return [block, ...sources].flatMap((holder) =>
        entriesOf(outline, holder, 'content').map((content) => enter(outline, content)),
      )
    })
  const second = lists.flatMap(within)
  return [...lists, ...second, ...second.flatMap(within)]
}

/** '' when it is no string. */
const stringAt = (outline: Outline, place: Place | undefined): string => {
  const raw = place === undefined ? '' : outline.text.slice(place.start, place.end)
  return raw.startsWith('"') ? (JSON.parse(raw) as string) : ''
}

const typeOf = (outline: Outline, node: Node): string =>
  stringAt(outline, node.entries.findLast((entry) => entry.name === 'type')?.value)

/** Two words of the block change, so what else it has stays: a mark for the cache must not move. */
const nameTool = (outline: Outline, entry: Entry): boolean => {
  const block = enter(outline, entry)
  const name = block.entries.findLast((member) => member.name === 'tool_name')
  if (stringAt(outline, name?.value) === '') return false
  for (const member of block.entries) {
    if (member.name === 'type' && member.value !== undefined) outline.edits.push({ ...member.value, text: '"text"' })
    if (member.name === 'tool_name' && member.nameEnd !== undefined) {
      outline.edits.push({ start: member.start, end: member.nameEnd, text: '"text"' })
    }
  }
  return true
}

/** Marks as gone what is left empty by what is gone. Children come after their parents, hence backwards. */
const settle = (outline: Outline): void => {
  for (const node of [...outline.nodes.values()].reverse()) {
    if (node.gone.size === 0) continue
    takeRepeated(node)
    const isEmpty = node.gone.size === node.entries.length || saysNothing(outline, node)
    if (isEmpty && node.parent !== undefined) node.parent.node.gone.add(node.parent.index)
  }
}

/** Of a repeated name the last one counts; when it goes, none of the others may come to count instead. */
const takeRepeated = (node: Node): void => {
  for (const last of [...node.gone]) {
    const name = node.entries[last]?.name
    if (name === undefined || node.entries.findLastIndex((entry) => entry.name === name) !== last) continue
    node.entries.forEach((entry, index) => {
      if (entry.name === name) node.gone.add(index)
    })
  }
}

/** The API refuses a message without content, unless it is there for its `output_config`. */
const saysNothing = (outline: Outline, node: Node): boolean => {
  const list = node.parent?.node
  if (list?.parent?.node !== outline.root || outline.root.entries[list.parent.index]?.name !== 'messages') return false
  return !node.entries.some((entry, index) => {
    if (node.gone.has(index) || entry.value === undefined) return false
    if (entry.name === 'output_config') return true
    return entry.name === 'content' && !NOTHING.test(outline.text.slice(entry.value.start, entry.value.start + 32))
  })
}

const NOTHING = /^(?:\[\s*\]|""|null)/

const isGone = (outline: Outline, name: string): boolean => {
  const index = outline.root.entries.findLastIndex((entry) => entry.name === name)
  return index !== -1 && outline.root.gone.has(index)
}
