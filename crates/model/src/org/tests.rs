#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap as Map;

use super::*;

/// Reads the units file; it has no quoted fields, which the first assertion holds to.
fn rows() -> Vec<UnitRow> {
    assert!(!UNITS_CSV.contains('"'));
    let mut lines = UNITS_CSV.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            assert_eq!(fields.len(), columns.len(), "{line}");
            let map: Map<&str, serde_json::Value> = columns
                .iter()
                .zip(fields)
                .map(|(column, field)| match *column {
                    "lat" | "lon" | "area_km2" => (*column, serde_json::json!(field.parse::<f64>().unwrap())),
                    _ => (*column, serde_json::json!(field)),
                })
                .collect();
            serde_json::from_value(serde_json::to_value(map).unwrap()).unwrap()
        })
        .collect()
}

fn tree() -> OrgTree {
    OrgTree::from_rows(rows()).unwrap()
}

fn names<'a>(found: &[Found<'a>]) -> Vec<&'a str> {
    found.iter().map(|found| found.unit.name.as_str()).collect()
}

fn first<'a>(tree: &'a OrgTree, query: &str) -> (&'a str, FoundBy) {
    let found = tree.find(query, 1);
    let found = found.first().unwrap_or_else(|| panic!("nothing for {query}"));
    (found.unit.name.as_str(), found.by)
}

#[test]
fn the_province_has_124_units() {
    let tree = tree();
    let count = |r#type| tree.units().filter(|unit| unit.r#type == r#type).count();
    assert_eq!(count(UnitType::Commune), 103);
    assert_eq!(count(UnitType::Ward), 20);
    assert_eq!(count(UnitType::SpecialZone), 1);
    assert_eq!(count(UnitType::Province), 1);
    assert_eq!(tree.communes().count(), 124);
    assert_eq!(tree.unit("68").unwrap().name, "Tỉnh Lâm Đồng");
    assert_eq!(tree.unit("24781").unwrap().name, "Phường Xuân Hương - Đà Lạt");
    assert_eq!(tree.unit("24781").unwrap().parents, ["68"]);
}

#[test]
fn former_provinces_are_areas() {
    let tree = tree();
    let today = date(2026, 11, 21);
    let count = |area| tree.members(area, today).len();
    assert_eq!(count("former-lam-dong"), 51);
    assert_eq!(count("former-binh-thuan"), 45);
    assert_eq!(count("former-dak-nong"), 28);
    assert_eq!(count("68"), 124);
    assert_eq!(count("68"), count("former-lam-dong") + count("former-binh-thuan") + count("former-dak-nong"));
    assert_eq!(tree.members("68", date(2025, 6, 30)).len(), 0);
    assert_eq!(count("nowhere"), 0);
    let districts: usize =
        tree.areas().filter(|area| area.id.starts_with("former-district-")).map(|area| area.members.len()).sum();
    assert_eq!(districts, 124, "every unit in one main district");
    assert_eq!(tree.area("former-district-huyen-di-linh").unwrap().name, "Huyện Di Linh (cũ)");
}

#[test]
fn every_unit_is_found_by_every_spelling_of_its_name() {
    let tree = tree();
    for unit in tree.communes() {
        for query in [&unit.name, &unit.short_name, &unit.code, &fold(&unit.name), &unit.name.to_uppercase()] {
            let found = tree.find(query, 200);
            assert!(found.iter().any(|found| found.unit.code == unit.code), "{query}");
        }
        let by_full_name = tree.find(&unit.name, 1);
        assert_eq!(by_full_name[0].unit.code, unit.code, "{}", unit.name);
    }
}

#[test]
fn names_with_traps() {
    let tree = tree();
    for query in ["B'Lao", "B’Lao", "blao", "B Lao", "phường b`lao"] {
        assert_eq!(first(&tree, query), ("Phường B'Lao", FoundBy::Name), "{query}");
    }
    for query in ["D'Ran", "D’Ran", "dran"] {
        assert_eq!(first(&tree, query).0, "Xã D'Ran", "{query}");
    }
    for query in ["Phú Quý", "phu qui", "Phú Quí", "đặc khu phú quý"] {
        assert_eq!(first(&tree, query), ("Đặc khu Phú Quý", FoundBy::Name), "{query}");
    }
    assert_eq!(first(&tree, "Phú Thuỷ").0, "Phường Phú Thủy");
    assert_eq!(first(&tree, "xuan huong da lat").0, "Phường Xuân Hương - Đà Lạt");
    assert_eq!(first(&tree, "đam rông 4").0, "Xã Đam Rông 4");
    assert_eq!(first(&tree, "hàm thuận").0, "Xã Hàm Thuận");
    assert_eq!(first(&tree, "hàm thuận bắc").0, "Xã Hàm Thuận Bắc");
    assert_eq!(first(&tree, "nam thành").0, "Xã Nam Thành");
    assert_eq!(first(&tree, "bình thuận"), ("Phường Bình Thuận", FoundBy::Name));
    assert_eq!(first(&tree, "Đăk Mil").0, first(&tree, "dak mil").0);
    assert!(!names(&tree.find("thanh nam", 200)).contains(&"Xã Nam Thành"));
}

#[test]
fn old_addresses_are_still_found() {
    let tree = tree();
    let di_linh = tree.find("huyện Di Linh", 200);
    assert!(di_linh.len() > 3);
    assert!(di_linh.iter().all(|found| found.by == FoundBy::FormerDistrict));
    assert_eq!(first(&tree, "Thị trấn Ea T’Ling"), ("Xã Cư Jút", FoundBy::FormerUnit));
    let hoa_thang = tree.find("xã hòa thắng", 10);
    assert_eq!(hoa_thang.len(), 2, "a commune that was split is found in both");
    assert_eq!(hoa_thang[1].matched, "Xã Hòa Thắng (một phần)");
    assert_eq!(names(&hoa_thang), ["Xã Hòa Thắng", "Xã Hồng Thái"]);
    assert_eq!(tree.find("Đắk Nông", 200).len(), 28);
    assert_eq!(first(&tree, "thành phố gia nghĩa").1, FoundBy::FormerDistrict);
    assert_eq!(first(&tree, "gia nghĩa").1, FoundBy::Name);
}

#[test]
fn useless_queries_find_nothing() {
    let tree = tree();
    for query in ["", " - ", "'", "zzz", "247", "thon 99"] {
        assert!(tree.find(query, 10).is_empty(), "{query}");
    }
    assert!(tree.find(&"x".repeat(1_000_000), 10).is_empty());
    assert_eq!(tree.find("xã", 7).len(), 7);
    assert!(tree.find("xã", 0).is_empty());
}

#[test]
fn areas_overlap_and_have_dates() {
    let mut tree = tree();
    let member = |unit: &str, from: Option<Date>, to: Option<Date>| AreaMember {
        unit: unit.into(),
        valid_from: from,
        valid_to: to,
    };
    let station = Area {
        id: "station".into(),
        name: "Trạm Kỹ thuật nông nghiệp khu vực Đức Trọng – Đơn Dương".into(),
        members: vec![
            member("24958", None, None),
            member("24934", Some(date(2026, 1, 1)), None),
            member("24943", None, Some(date(2025, 12, 31))),
            member("24958", Some(date(2026, 1, 1)), None),
        ],
        valid_from: Some(date(2025, 10, 1)),
        valid_to: Some(date(2026, 12, 31)),
    };
    tree.add_area(station.clone()).unwrap();
    let codes = |on| -> Vec<&str> { tree.members("station", on).iter().map(|u| u.code.as_str()).collect() };
    assert_eq!(codes(date(2025, 11, 1)), ["24943", "24958"]);
    assert_eq!(codes(date(2026, 6, 1)), ["24934", "24958"]);
    assert!(codes(date(2025, 9, 30)).is_empty());
    assert!(codes(date(2027, 1, 1)).is_empty());
    let of: Vec<&str> = tree.areas_of("24958", date(2026, 6, 1)).iter().map(|area| area.id.as_str()).collect();
    assert_eq!(of, ["former-district-huyen-duc-trong", "former-lam-dong", "station"]);
    assert_eq!(tree.add_area(station.clone()).unwrap_err().code(), "org_area_exists");
    let bad = Area { id: "b".into(), members: vec![member("99999", None, None)], ..station.clone() };
    assert_eq!(tree.add_area(bad).unwrap_err().code(), "org_unknown_unit");
    let bad = Area { id: String::new(), ..station.clone() };
    assert_eq!(tree.add_area(bad).unwrap_err().code(), "org_area");
    let bad = Area { id: "c".into(), valid_from: Some(date(2027, 1, 1)), ..station };
    assert_eq!(tree.add_area(bad).unwrap_err().code(), "org_area");
}

#[test]
fn remote_is_a_flag_of_the_unit() {
    let mut tree = tree();
    assert!(tree.units().all(|unit| !unit.remote));
    tree.set_remote("23272", true).unwrap();
    assert!(tree.unit("23272").unwrap().remote);
    assert_eq!(tree.set_remote("00000", true).unwrap_err().code(), "org_unknown_unit");
}

#[test]
fn bad_rows_are_refused() {
    let error = |edit: &dyn Fn(&mut UnitRow)| {
        let mut rows = rows();
        edit(&mut rows[1]);
        OrgTree::from_rows(rows).unwrap_err().code()
    };
    assert_eq!(error(&|row| row.code = "1".into()), "org_code");
    assert_eq!(error(&|row| row.code = "１２３４５".into()), "org_code");
    assert_eq!(error(&|row| row.province_code = "068".into()), "org_code");
    assert_eq!(error(&|row| row.code = "22918".into()), "org_duplicate");
    assert_eq!(error(&|row| row.lat = Some(91.0)), "org_coordinates");
    assert_eq!(error(&|row| row.lon = Some(f64::NAN)), "org_coordinates");
    assert_eq!(error(&|row| row.lon = None), "org_coordinates");
    assert_eq!(error(&|row| row.type_en = "district".into()), "org_type");
    assert_eq!(error(&|row| row.name = "a\0".into()), "org_text");
    assert_eq!(error(&|row| row.former_units = "a".repeat(3_000)), "org_text");
    assert_eq!(error(&|row| row.name = "  ".into()), "org_no_name");
    let many = std::iter::repeat_with(UnitRow::default).take(2);
    assert_eq!(OrgTree::from_rows(many).unwrap_err(), OrgError::Code { row: 1 });
}
