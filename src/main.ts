/**
 * The entry point. Everything is in src/cli/program.ts; here only the cache of compiled modules is switched on before they
 * are loaded, because reading TypeScript is most of a start.
 */
import { enableCompileCache, getCompileCacheDir } from 'node:module'

enableCompileCache()
// Worker threads read the variable.
const folder = getCompileCacheDir()
if (folder !== undefined) process.env.NODE_COMPILE_CACHE = folder
await import('#cli/program.ts')
