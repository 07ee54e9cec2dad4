// Mocha ignores an unhandled rejection. Thrown as an uncaught error, it fails the test.
process.on('unhandledRejection', (reason) => {
  throw reason
})
