/** Builds the image that the tests of this folder use and brings it into the cluster, before the first of them asks. */
import { prepare } from './installation/image.ts'

const { image } = await prepare()
console.log(`${image} is in the cluster`)
