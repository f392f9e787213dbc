/**
 * The program as JavaScript, for Nodes that do not run TypeScript, and none runs it below node_modules. Types are blanked by the
 * function by which Node itself runs the checkout, so lines and columns stay, and nothing else about the code changes.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join, relative } from 'node:path'

/** Names of modules beside, in imports and in the URLs of worker threads. What begins with # goes through `imports`. */
const BESIDE = /(['"])(\.{1,2}\/[^'"\n]+)\.ts\1/g

/** @throws on syntax that cannot be erased, which `tsc` refuses as well */
export const javaScriptOf = (typeScript: string): string =>
  stripTypeScriptTypes(typeScript).replace(BESIDE, (_, quote, path) => `${quote}${path}.js${quote}`)

/** `#domain/x.ts` is meant as everywhere, but found as x.js: Node asks the nearest package.json above a module. */
const scopeOf = (rooms: readonly string[]): string =>
  `${JSON.stringify({ type: 'module', imports: Object.fromEntries(rooms.map((room) => [`#${room}/*.ts`, `./${room}/*.js`])) }, null, 2)}\n`

/**
 * Writes the JavaScript of `source` into the folder `target`, which must be as deep below the package as `source`: modules
 * look for package.json, scenarios and the dashboard by where they are.
 * @param without rooms that are left out
 * @returns how many modules there are
 */
export const writeJavaScript = (source: string, target: string, without: ReadonlySet<string>): number => {
  const roomOf = (path: string): string => relative(source, path).split(/[\\/]/)[0] ?? ''
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !without.has(roomOf(path)))
  for (const path of files) {
    const to = join(target, relative(source, path).replace(/\.ts$/, '.js'))
    mkdirSync(dirname(to), { recursive: true })
    writeFileSync(to, javaScriptOf(readFileSync(path, 'utf8')))
  }
  const rooms = readdirSync(target, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  writeFileSync(join(target, 'package.json'), scopeOf(rooms.map(({ name }) => name).sort()))
  return files.length
}
