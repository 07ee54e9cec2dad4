/** No cluster configuration exists, or it cannot be read. The message is shown to the user. */
export class NoKubeconfig extends Error {
  override name = 'NoKubeconfig'
}
