/**
 * Which packages of others the published package brings: those that npm installs with it, and those whose code is inside the
 * built dashboard, although they are development dependencies here.
 */

/** What package-lock.json says of one package. */
export interface Locked {
  readonly version?: string
  readonly license?: string
  readonly dev?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
}

/** By folder below the project: `node_modules/NAME`, or deeper; '' is the project itself. */
export type LockedPackages = Readonly<Record<string, Locked>>

export interface Shipped {
  /** Folder, as in the lock. */
  readonly folder: string
  readonly name: string
  readonly version: string
  /** SPDX expression, or what the package says instead; undefined: it says nothing. */
  readonly licence: string | undefined
}

/** What src/dashboard imports; Vite puts it into the page. */
export const IN_THE_PAGE = ['preact', '@preact/signals', 'uplot']

const TOP = 'node_modules/'

/** The names with all that they depend on, as folders of the lock. Throws when one is not locked. */
const withDependencies = (locked: LockedPackages, names: readonly string[]): ReadonlySet<string> => {
  const found = new Set<string>()
  const visit = (name: string): void => {
    const folder = `${TOP}${name}`
    if (found.has(folder)) return
    const one = locked[folder]
    if (one === undefined) throw new Error(`${name} is in the dashboard, but not in package-lock.json`)
    found.add(folder)
    for (const dependency of Object.keys(one.dependencies ?? {})) visit(dependency)
  }
  for (const name of names) visit(name)
  return found
}

/** @throws when a package of the page is not in the lock */
export const inThePage = (locked: LockedPackages): readonly Shipped[] => {
  const page = withDependencies(locked, IN_THE_PAGE)
  return shippedWhere(locked, (folder) => page.has(folder))
}

/** @throws when a package of the page is not in the lock */
export const shippedPackages = (locked: LockedPackages): readonly Shipped[] => {
  const page = withDependencies(locked, IN_THE_PAGE)
  return shippedWhere(locked, (folder, { dev }) => dev !== true || page.has(folder))
}

const shippedWhere = (
  locked: LockedPackages,
  isShipped: (folder: string, one: Locked) => boolean,
): readonly Shipped[] =>
  Object.entries(locked)
    .filter(([folder, one]) => folder !== '' && isShipped(folder, one))
    .map(([folder, { version = '', license }]) => ({
      folder,
      name: folder.slice(folder.lastIndexOf(TOP) + TOP.length),
      version,
      licence: license,
    }))
