// Mocha passes on a rejected promise that nobody looks at, and nothing comes of it. Thrown, it fails the test.
process.on('unhandledRejection', (reason) => {
  throw reason
})
