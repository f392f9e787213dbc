import { enableCompileCache, getCompileCacheDir } from 'node:module'
import { defineConfig } from 'vitest/config'

// As src/main.ts does: the threads of hundreds of logs, and the workers that start them, read the variable.
enableCompileCache()
const compiled = getCompileCacheDir()

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Loading modules anew for every file took as long as half of the tests: files of one worker share them, and keep no state in them.
    isolate: false,
    // For two cores: much of the time goes by waiting for real servers, databases and browsers.
    maxWorkers: 3,
    globalSetup: ['test/support/postgres-setup.ts'],
    env: compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled },
  },
})
