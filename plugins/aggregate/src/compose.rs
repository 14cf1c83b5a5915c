//! Puts the results of the parts together. Knows neither the gateway nor how they were got.

use crate::{place::Place, tree::Node};

/// What there is of one part, and where it goes.
pub(crate) struct Piece<'a> {
    pub(crate) place: &'a Place,
    pub(crate) result: Result<'a>,
}

/// What came of a part.
pub(crate) enum Result<'a> {
    /// It is left out.
    Nothing,
    One(Node<'a>),
    /// One for each element of an array; `Node::Nothing` for those that are left out.
    Each {
        elements: Vec<Node<'a>>,
        joined: Join<'a>,
    },
}

/// Where the results of a part go that was called for each element of an array.
pub(crate) enum Join<'a> {
    /// Into the elements themselves: those at this path in that part's result.
    Elements { part: usize, path: &'a [String] },
    /// Into an array of their own, at this path of the reply.
    Gathered(&'a [String]),
}

/// The reply, and the parts of which something could not go where it should. `order` has every part
/// after those that it needs.
pub(crate) fn compose<'a>(mut pieces: Vec<Piece<'a>>, order: &[usize]) -> (Node<'a>, Vec<usize>) {
    let mut unfit = Vec::new();
    // From the last to the first: what goes into a result is complete before it is moved itself.
    for &part in order.iter().rev() {
        if !join(&mut pieces, part) {
            unfit.push(part);
        }
    }
    let mut reply = Node::empty();
    for part in by_depth(&pieces) {
        let Piece { place, result } = &mut pieces[part];
        let fits = match std::mem::replace(result, Result::Nothing) {
            Result::Nothing => true,
            Result::One(value) => put(&mut reply, place, value),
            Result::Each { elements, joined: Join::Gathered(path) } => {
                reply.put(path, Node::List(elements)).is_ok()
            }
            Result::Each { .. } => true,
        };
        if !fits {
            unfit.push(part);
        }
    }
    unfit.sort_unstable();
    (reply, unfit)
}

/// Joins the results of one part with the elements that it was called for. Says whether all fit.
fn join(pieces: &mut [Piece<'_>], part: usize) -> bool {
    let place = pieces[part].place;
    let Result::Each { elements, joined: Join::Elements { part: source, path } } =
        &mut pieces[part].result
    else {
        return true;
    };
    let (source, path, results) = (*source, *path, std::mem::take(elements));
    let Some(targets) = array(&mut pieces[source].result, path) else { return true };
    let mut all_fit = true;
    for (target, result) in targets.iter_mut().zip(results) {
        // Every pair is joined, whether those before it fit or not.
        all_fit &= matches!(result, Node::Nothing) || put(target, place, result);
    }
    all_fit
}

/// The array at a path of a part's result. None where the part is left out: then there is nothing
/// to join with.
fn array<'p, 'a>(result: &'p mut Result<'a>, path: &[String]) -> Option<&'p mut [Node<'a>]> {
    match result {
        Result::Nothing => None,
        Result::One(value) => value.at(path)?.elements(),
        Result::Each { elements, .. } => match path {
            [] => Some(elements),
            [index, rest @ ..] => {
                elements.get_mut(index.parse::<usize>().ok()?)?.at(rest)?.elements()
            }
        },
    }
}

fn put<'a>(into: &mut Node<'a>, place: &Place, value: Node<'a>) -> bool {
    let put = match place {
        Place::Nowhere => Ok(()),
        Place::At(path) => into.put(path, value),
        Place::Append(path) => into.append(path, value),
    };
    put.is_ok()
}

/// The parts in the order in which they are put: what goes into another part comes after it.
fn by_depth(pieces: &[Piece<'_>]) -> Vec<usize> {
    let mut parts: Vec<_> = (0..pieces.len()).collect();
    parts.sort_by_key(|&part| match &pieces[part].result {
        Result::Each { joined: Join::Gathered(path), .. } => path.len(),
        _ => pieces[part].place.depth(),
    });
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').filter(|key| !key.is_empty()).map(str::to_owned).collect()
    }

    fn one<'a>(place: &'a Place, value: &'a str) -> Piece<'a> {
        Piece { place, result: Result::One(Node::Raw(value)) }
    }

    fn each<'a>(place: &'a Place, values: &[&'a str], joined: Join<'a>) -> Piece<'a> {
        let node =
            |value: &&'a str| if value.is_empty() { Node::Nothing } else { Node::Raw(value) };
        let elements = values.iter().map(node).collect();
        Piece { place, result: Result::Each { elements, joined } }
    }

    fn composed(pieces: Vec<Piece<'_>>) -> (String, Vec<usize>) {
        let order: Vec<_> = (0..pieces.len()).collect();
        let (reply, unfit) = compose(pieces, &order);
        (reply.written(usize::MAX).unwrap(), unfit)
    }

    #[test]
    fn parts_go_where_they_belong() {
        let [stock, root, product, offers, none] =
            ["product.stock", ".", "product", "offers[]", ""].map(|text| match text {
                "" => Place::Nowhere,
                text => Place::parse(text).unwrap(),
            });
        let pieces = vec![
            one(&stock, "3"),
            one(&root, r#"{"id":1.10,"product":"x"}"#),
            one(&product, r#"{"name":"n"}"#),
            one(&offers, "[1]"),
            one(&offers, "2"),
            one(&none, "{}"),
        ];
        let text = r#"{"id":1.10,"product":{"name":"n","stock":3},"offers":[1,2]}"#;
        assert_eq!(composed(pieces), (text.to_owned(), vec![]));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let [root, a, inside] = [".", "a", "a.b"].map(|text| Place::parse(text).unwrap());
        let pieces = vec![one(&root, "[]"), one(&a, "1"), one(&inside, "2")];
        assert_eq!(composed(pieces), (r#"{"a":1}"#.to_owned(), vec![0, 2]));
    }

    #[test]
    fn results_are_joined_with_the_elements() {
        let (root, product, lines) =
            (Place::parse(".").unwrap(), Place::parse("product").unwrap(), path("lines"));
        let pieces = vec![
            one(&root, r#"{"n":1,"lines":[{"q":1},{"q":2},{"q":3}]}"#),
            each(&product, &["\"a\"", "", "\"c\""], Join::Elements { part: 0, path: &lines }),
        ];
        let text = r#"{"n":1,"lines":[{"q":1,"product":"a"},{"q":2},{"q":3,"product":"c"}]}"#;
        assert_eq!(composed(pieces), (text.to_owned(), vec![]));
    }

    #[test]
    fn what_joins_joined_results_comes_along() {
        let [order, product, brand] =
            ["order", "product", "brand"].map(|text| Place::parse(text).unwrap());
        let pieces = vec![
            one(&order, "[{},{}]"),
            each(&product, &["{}", "{}"], Join::Elements { part: 0, path: &[] }),
            each(&brand, &["1", "2"], Join::Elements { part: 1, path: &[] }),
        ];
        let text = r#"{"order":[{"product":{"brand":1}},{"product":{"brand":2}}]}"#;
        assert_eq!(composed(pieces), (text.to_owned(), vec![]));
    }

    #[test]
    fn results_can_stand_alone() {
        let (ids, friend, people) =
            (Place::Nowhere, Place::parse("friend").unwrap(), path("people.all"));
        let pieces =
            vec![one(&ids, "[1,2,3]"), each(&friend, &["{}", "", "[]"], Join::Gathered(&people))];
        assert_eq!(composed(pieces), (r#"{"people":{"all":[{},[]]}}"#.to_owned(), vec![]));
    }

    #[test]
    fn an_element_that_is_no_object_takes_nothing_in_and_hinders_no_other() {
        let (lines, product) = (Place::parse("lines").unwrap(), Place::parse("product").unwrap());
        let pieces = vec![
            one(&lines, "[1,{}]"),
            each(&product, &["{}", "{}"], Join::Elements { part: 0, path: &[] }),
        ];
        assert_eq!(composed(pieces), (r#"{"lines":[1,{"product":{}}]}"#.to_owned(), vec![1]));
    }
}
