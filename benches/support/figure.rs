//! What a benchmark says of each row of its table, and how rows are chosen and compared.

use super::median;

/// One row of the table.
pub(crate) trait Figure: Copy + PartialEq {
    fn name(self) -> &'static str;

    /// What the figure is compared with.
    fn reference(self) -> Option<Self>;

    fn payload_bytes(self) -> usize;

    /// Links that receive what is published.
    fn links(self) -> usize;
}

/// Those of `all` whose name contains `only`, with the references they need.
pub(crate) fn wanted<F: Figure>(all: &[F], only: Option<&str>) -> Vec<F> {
    let named = |figure: F| only.is_none_or(|only| figure.name().contains(only));
    let needed = |figure| all.iter().any(|&other| named(other) && other.reference() == Some(figure));
    all.iter().copied().filter(|&figure| named(figure) || needed(figure)).collect()
}

/// For each figure how much longer it took than its reference: the median of the rounds' ratios. `None` where there is no
/// reference among the figures. `times` has a time of each round, for each figure.
pub(crate) fn ratios<F: Figure>(figures: &[F], times: &[Vec<f64>]) -> Vec<Option<f64>> {
    let ratio = |(figure, own): (&F, &Vec<f64>)| {
        let reference = figures.iter().position(|&known| Some(known) == figure.reference())?;
        median(own.iter().zip(&times[reference]).map(|(own, reference)| own / reference).collect())
    };
    figures.iter().zip(times).map(ratio).collect()
}
