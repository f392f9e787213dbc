/**
 * Environment variables over the file: `SIGNALBOX_` and the path of a key in capitals, `__` between levels. An entry's name
 * (a provider's id) is matched without regard to case, `-` written as `_`. An empty variable counts as not set.
 */
import { configKeys, type KeyTree, keyPaths } from '#infra/config/keys.ts'
import { nearest } from '#infra/config/nearest.ts'
import { type ConfigProblem, formatKey, type Origin } from '#infra/config/problem.ts'
import { fromPlain, type MapNode, nodeAt, parseTree, setAt, type TreeNode } from '#infra/config/tree.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const PREFIX = 'SIGNALBOX_'

/** Short names that are promised for good. */
export const shortNames: Readonly<Record<string, readonly [string, string]>> = {
  SIGNALBOX_HOST: ['server', 'host'],
  SIGNALBOX_PORT: ['server', 'port'],
  SIGNALBOX_DATABASE_URL: ['database', 'url'],
  SIGNALBOX_INSTANCE: ['cluster', 'instance'],
}

/** Variables that are no key of the file. */
export const otherNames: Readonly<Record<string, string>> = {
  SIGNALBOX_CONFIG: 'Path of the configuration file.',
  SIGNALBOX_ADMIN_TOKEN: 'Bearer token of the admin API and the dashboard.',
}

/** `routing.maxFallbacks` → `SIGNALBOX_ROUTING__MAX_FALLBACKS`. Placeholders such as `<id>` become `<ID>`. */
export const variableName = (path: readonly string[]): string => PREFIX + path.map(screaming).join('__')

const screaming = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toUpperCase()

/**
 * What Kubernetes adds to every container of a namespace that has a Service named `signalbox` or `signalbox-…`; not ours.
 * https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
const isServiceLink = (name: string, value: string): boolean =>
  /_SERVICE_(HOST|PORT(_\w+)?)$/.test(name) ||
  /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name) ||
  (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value))

interface Setting {
  readonly name: string
  readonly path: readonly string[]
  readonly keys: KeyTree
  readonly value: string
}

/** Lays the variables over the tree. */
export const applyEnvironment = (
  tree: MapNode,
  environment: Environment,
): { readonly tree: MapNode; readonly problems: readonly ConfigProblem[] } => {
  const settings: Setting[] = []
  const problems: ConfigProblem[] = []
  for (const [name, value] of Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.startsWith(PREFIX) || value === undefined || value === '') continue
    if (Object.hasOwn(otherNames, name) || isServiceLink(name, value)) continue
    const found = pathOf(tree, name)
    if (found !== undefined) settings.push({ name, ...found, value })
    else {
      const at: Origin = { _tag: 'Variable', name }
      const known = knownNames(tree, name)
      const suggestions = nearest(flat(name), known.keys()).flatMap((key) => known.get(key) ?? [])
      problems.push({ kind: 'unknownVariable', at, key: '', text: 'unknown variable', suggestions })
    }
  }
  let result = tree
  // A block before its parts, so that a deeper variable says the last word; new providers in the order of their names.
  const order = ({ path }: Setting) => path.join('\0')
  for (const setting of settings.toSorted((a, b) => a.path.length - b.path.length || (order(a) < order(b) ? -1 : 1))) {
    const clash = settings.find(
      (other) =>
        other.name < setting.name && formatKey(other.path) === formatKey(setting.path) && other.value !== setting.value,
    )
    if (clash !== undefined) {
      const at: Origin = { _tag: 'Variable', name: setting.name }
      problems.push({
        kind: 'conflict',
        at,
        key: formatKey(setting.path),
        text: `set twice: here and in $${clash.name}`,
        suggestions: [],
      })
    }
    const read = readValue(setting.value, setting.keys, { _tag: 'Variable', name: setting.name })
    if (read === undefined) {
      const text = `cannot be read as YAML; expected ${setting.keys.expected}`
      problems.push({
        kind: 'syntax',
        at: { _tag: 'Variable', name: setting.name },
        key: formatKey(setting.path),
        text,
        suggestions: [],
      })
    } else result = setAt(result, setting.path, read)
  }
  return { tree: result, problems }
}

/** A value given as text: as it stands where the key takes text, else read as YAML; a list may be `a, b`. */
export const readValue = (text: string, keys: KeyTree, at: Origin): TreeNode | undefined => {
  if (keys._tag === 'Leaf' && keys.verbatim) return { _tag: 'Scalar', at, value: text }
  const { tree } = parseTree(text, () => at)
  if (tree?._tag === 'Scalar' && keys._tag === 'Leaf' && keys.list) {
    return fromPlain(
      text.split(',').map((part) => part.trim()),
      at,
    )
  }
  return tree
}

/** The path that a variable's name stands for. */
const pathOf = (
  tree: MapNode,
  name: string,
): { readonly path: readonly string[]; readonly keys: KeyTree } | undefined => {
  let keys: KeyTree = configKeys
  const short = shortNames[name]
  const path: string[] = []
  for (const part of short ?? name.slice(PREFIX.length).split('__')) {
    if (keys._tag === 'Leaf' || part === '') return undefined
    if (keys._tag === 'Entries') {
      path.push(entryName(tree, path, part, keys.entry))
      keys = keys.value
      continue
    }
    const found: readonly [string, KeyTree] | undefined = [...keys.keys].find(
      ([key]) => key === part || screaming(key) === part,
    )
    if (found === undefined) return undefined
    path.push(found[0])
    keys = found[1]
  }
  return keys._tag === 'Leaf' && keys.fileOnly ? undefined : { path, keys }
}

/** The entry that is there already, or a new one in lower case. */
const entryName = (tree: MapNode, path: readonly string[], part: string, entry: string): string => {
  const block = nodeAt(tree, path)
  const present = block?._tag === 'Map' ? [...block.entries.keys()] : []
  const known = present.find((name) => screaming(name) === screaming(part))
  // Members of a JSON body are written with `_`, ids and headers with `-`.
  return known ?? (entry === 'member' ? part.toLowerCase() : part.toLowerCase().replaceAll('_', '-'))
}

/** One underscore for two is the most common mistake, so they count the same. */
const flat = (name: string): string => name.slice(PREFIX.length).replaceAll(/_+/g, '_')

/** Every valid name, by its flat form. Names of entries are those of the tree and what the mistaken name itself says. */
const knownNames = (tree: MapNode, mistaken: string): ReadonlyMap<string, string> => {
  const own = mistaken.slice(PREFIX.length).split('__')
  const names = [...Object.keys(shortNames), ...Object.keys(otherNames)]
  for (const { path, keys } of keyPaths()) {
    if (keys._tag === 'Leaf' && keys.fileOnly) continue
    const block = nodeAt(tree, path.slice(0, 1))
    const ids = block?._tag === 'Map' ? [...block.entries.keys()] : []
    const index = path.findIndex((part) => part.startsWith('<'))
    if (index < 0) names.push(variableName(path))
    else for (const id of new Set([...ids, own[index] ?? '<ID>'])) names.push(variableName(path.with(index, id)))
  }
  return new Map(names.map((name) => [flat(name), name]))
}
