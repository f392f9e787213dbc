/**
 * The entry point. Everything is in src/cli/program.ts; here only the cache of compiled modules is switched on before they
 * are loaded, because reading TypeScript is most of a start, and the one command that cannot wait for all of it goes its own way.
 */
import { enableCompileCache, getCompileCacheDir } from 'node:module'

enableCompileCache()
// Worker threads read the variable.
const folder = getCompileCacheDir()
if (folder !== undefined) process.env.NODE_COMPILE_CACHE = folder
// A status bar asks again and again, and waits: it must not load the whole program.
if (process.argv[2] === 'statusline' && process.argv.length === 3) {
  const { printStatusline } = await import('#cli/statusline.ts')
  await printStatusline()
} else await import('#cli/program.ts')
