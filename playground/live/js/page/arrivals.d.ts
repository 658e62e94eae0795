// Scripts that lenses run once, as a module, which the export writes.
declare const arrivals: (() => void)[];
export default arrivals;
