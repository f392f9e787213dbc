/**
 * The keys of the configuration, read out of its schema: what decoding, environment variables and documentation share.
 */
import type { Schema, SchemaAST } from 'effect'
import { ConfigFile } from '#infra/config/schema.ts'

interface About {
  readonly description: string
  /** The right form, for errors. */
  readonly expected: string
  readonly optional: boolean
  /** Values are never shown. */
  readonly concealed: boolean
  /** Names that a coming version knows. */
  readonly later: readonly string[]
}
export interface BlockKeys extends About {
  readonly _tag: 'Block'
  readonly keys: ReadonlyMap<string, KeyTree>
  /** Wrong names that mean a right one. */
  readonly hints: Readonly<Record<string, string>>
  readonly credential: boolean
}
export interface EntryKeys extends About {
  readonly _tag: 'Entries'
  /** What an entry's name is, e.g. `id`. */
  readonly entry: string
  /** The right form of a name. */
  readonly nameExpected: string
  readonly value: KeyTree
}
export interface LeafKey extends About {
  readonly _tag: 'Leaf'
  /** The kind of value, for the documentation. */
  readonly form: string
  readonly default: unknown
  /** Taken as it stands from an environment variable, without YAML's reading. */
  readonly verbatim: boolean
  readonly list: boolean
  readonly choices: readonly string[]
  /** Not settable by an environment variable. */
  readonly fileOnly: boolean
}
export type KeyTree = BlockKeys | EntryKeys | LeafKey

/** The last check carries what `annotate` was given after it. */
const notes = (ast: SchemaAST.AST): Schema.Annotations.Annotations =>
  (ast.checks === undefined ? ast.annotations : ast.checks.at(-1)?.annotations) ?? {}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const names = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : [])

const literals = (ast: SchemaAST.AST): readonly string[] => {
  if (ast._tag === 'Literal') return [String(ast.literal)]
  return ast._tag === 'Union' ? ast.types.flatMap(literals) : []
}

const read = (ast: SchemaAST.AST, inConcealed = false): KeyTree => {
  const note = notes(ast)
  const choices = literals(ast)
  const concealed = inConcealed || note.concealed === true || note.credential === true
  const about = {
    description: text(note.description),
    expected: text(note.expected) || (choices.length > 0 ? choices.join(', ') : 'a block of keys'),
    optional: ast.context?.isOptional === true,
    concealed,
    later: [...names(note.later), ...(note.credential === true ? laterOfMembers(ast) : [])],
  }
  const block = (objects: readonly SchemaAST.AST[]): BlockKeys => ({
    ...about,
    _tag: 'Block',
    keys: new Map(
      objects.flatMap((object) =>
        object._tag === 'Objects'
          ? object.propertySignatures.map(({ name, type }) => [String(name), read(type, concealed)] as const)
          : [],
      ),
    ),
    hints: (note.hint ?? {}) as Readonly<Record<string, string>>,
    credential: note.credential === true,
  })
  if (note.credential === true && ast._tag === 'Union') return block(ast.types)
  if (ast._tag === 'Objects') {
    const [index] = ast.indexSignatures
    if (index === undefined) return block([ast])
    return {
      ...about,
      _tag: 'Entries',
      entry: text(note.entry) || 'name',
      nameExpected: text(notes(index.parameter).expected),
      value: read(index.type, concealed),
    }
  }
  return {
    ...about,
    _tag: 'Leaf',
    form: text(note.form) || 'text',
    default: note.default,
    verbatim: ast._tag === 'String',
    list: ast._tag === 'Arrays',
    choices,
    fileOnly: note.fileOnly === true,
  }
}

const laterOfMembers = (ast: SchemaAST.AST): readonly string[] =>
  ast._tag === 'Union' ? ast.types.flatMap((member) => names(notes(member).later)) : []

/** Of a file that has such a schema. */
export const keysOf = ({ ast }: { readonly ast: SchemaAST.AST }): KeyTree => read(ast)

/** The whole file. */
export const configKeys: KeyTree = keysOf(ConfigFile)

/** The part of the keys at a path, or undefined where the path leaves them. */
export const keysAt = (path: readonly PropertyKey[], root: KeyTree = configKeys): KeyTree | undefined => {
  let keys: KeyTree | undefined = root
  for (const name of path) {
    if (keys === undefined) return undefined
    if (keys._tag === 'Block') keys = keys.keys.get(String(name))
    else if (keys._tag === 'Entries') keys = keys.value
    else return keys
  }
  return keys
}

/** Every path of keys; an entry's name stands as `<id>`. */
export const keyPaths = (
  keys: KeyTree = configKeys,
  path: readonly string[] = [],
): readonly { readonly path: readonly string[]; readonly keys: KeyTree }[] => {
  const here = path.length === 0 ? [] : [{ path, keys }]
  if (keys._tag === 'Leaf') return here
  if (keys._tag === 'Entries') return [...here, ...keyPaths(keys.value, [...path, `<${keys.entry}>`])]
  return [...here, ...[...keys.keys].flatMap(([name, inner]) => keyPaths(inner, [...path, name]))]
}
