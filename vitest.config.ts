import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // The suite runs on two cores beside real servers and databases.
    maxWorkers: 2,
    globalSetup: ['test/support/postgres-setup.ts'],
  },
})
