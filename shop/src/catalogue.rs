//! What the shop sells: twelve categories of twenty-five products, and the reasons why people
//! buy them.

/// Something the shop sells.
#[derive(Debug, PartialEq, Eq)]
pub struct Product {
    /// Its number in the shop, such as `CT-101`: distinct.
    pub sku: &'static str,
    /// What it is called: distinct.
    pub name: &'static str,
    /// The shelf it stands on, one of twelve.
    pub category: &'static str,
    /// Its price in cents.
    pub price_cents: u32,
    pub(super) pull: u32,
    pub(super) themes: &'static [Theme],
}

/// Defines the themes with their popularity among members.
macro_rules! themes {
    ($($(#[$doc:meta])* $theme:ident = $popularity:literal),+ $(,)?) => {
        /// Why people come to the shop; most themes cross categories.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Theme { $($(#[$doc])* $theme),+ }

        impl Theme {
            /// All themes with their popularity.
            pub(super) const ALL: &[(Self, u32)] = &[$((Self::$theme, $popularity)),+];
        }
    };
}

themes! {
    Barista = 10, TeaCorner = 7, Breakfast = 7, PastaNight = 10, Baking = 9, Curry = 7, Barbecue = 7,
    Camping = 9, Hiking = 7, Cycling = 6, Running = 7, Yoga = 5, HomeGym = 6, Pool = 5,
    NewBaby = 9, Toddler = 7,
    BathroomRefit = 6, EveningBath = 6, Shaving = 4, RoomPainting = 6, Woodwork = 5, FirstFlat = 9,
    CosyEvenings = 7, BetterSleep = 6, VegetablePatch = 7, Balcony = 7, Lawn = 4,
    Dog = 8, Cat = 8, Aquarium = 3,
    HomeOffice = 7, School = 5, Watercolour = 4, Knitting = 4, GameNight = 5, Party = 5, Travel = 5,
    /// What every household needs; no taste, but part of most orders.
    Household = 0,
}

/// Defines the products: number, name, price in cents, pull (how often it is taken of its
/// theme's products, 1 to 5) and themes.
macro_rules! shelves {
    ($($category:literal $code:literal {
        $($number:literal $name:literal $price:literal $pull:literal [$($theme:ident)+];)+
    })+) => {
        /// All products, by category.
        pub(super) static PRODUCTS: [Product; 300] = [$($(Product {
            sku: concat!($code, "-", $number),
            name: $name,
            category: $category,
            price_cents: $price,
            pull: $pull,
            themes: &[$(Theme::$theme),+],
        },)+)+];
    };
}

shelves! {
    "Coffee & tea" "CT" {
        101 "Espresso beans, dark roast 1 kg" 1890 5 [Barista];
        102 "Espresso beans, decaf 500 g" 1090 2 [Barista];
        103 "Filter coffee, medium roast 500 g" 790 4 [Breakfast HomeOffice];
        104 "Burr coffee grinder" 8900 3 [Barista];
        105 "Stovetop moka pot, 6 cups" 2990 3 [Barista FirstFlat];
        106 "Milk frothing jug 350 ml" 1450 3 [Barista];
        107 "Espresso tamper 58 mm" 1990 2 [Barista];
        108 "Descaler for coffee machines 500 ml" 890 4 [Barista];
        109 "Espresso cups, set of 4" 1690 3 [Barista];
        110 "Knock box for coffee grounds" 1790 2 [Barista];
        111 "Pour-over dripper, porcelain" 1990 2 [Breakfast HomeOffice];
        112 "Paper coffee filters no. 4, 100 pcs" 250 3 [Breakfast HomeOffice];
        113 "French press 1 l" 2490 2 [Breakfast Camping];
        114 "Cold brew bottle 1 l" 2190 2 [HomeOffice Barista];
        115 "Gooseneck kettle 1 l" 3990 2 [TeaCorner Breakfast];
        116 "Oat drink, barista style 1 l" 220 4 [Barista Breakfast];
        117 "English breakfast tea, 80 bags" 490 4 [TeaCorner Breakfast];
        118 "Earl grey, loose leaf 250 g" 890 4 [TeaCorner Knitting];
        119 "Green sencha, loose leaf 100 g" 990 3 [TeaCorner Yoga];
        120 "Peppermint tea, 20 bags" 290 3 [TeaCorner];
        121 "Chamomile tea, 20 bags" 290 3 [TeaCorner BetterSleep];
        122 "Glass teapot with strainer 1.2 l" 2790 3 [TeaCorner];
        123 "Bamboo tea caddy" 1890 2 [TeaCorner];
        124 "Matcha whisk and bowl" 2490 2 [TeaCorner];
        125 "Drinking chocolate 400 g" 590 3 [CosyEvenings];
    }
    "Pantry" "PA" {
        201 "Spaghetti 500 g" 120 5 [PastaNight];
        202 "Egg tagliatelle 500 g" 280 3 [PastaNight];
        203 "Chopped tomatoes 400 g" 110 4 [PastaNight Curry];
        204 "Basil pesto 190 g" 340 4 [PastaNight];
        205 "Extra virgin olive oil 750 ml" 1190 4 [PastaNight];
        206 "Aged hard cheese for grating 200 g" 590 4 [PastaNight];
        207 "Capers in brine 100 g" 240 2 [PastaNight];
        208 "Balsamic vinegar 500 ml" 690 2 [PastaNight Barbecue];
        209 "Basmati rice 2 kg" 690 4 [Curry];
        210 "Red lentils 500 g" 220 4 [Curry];
        211 "Coconut milk 400 ml" 190 4 [Curry];
        212 "Garam masala 50 g" 320 3 [Curry];
        213 "Ground turmeric 50 g" 260 3 [Curry];
        214 "Cumin seeds 50 g" 240 3 [Curry];
        215 "Mango chutney 300 g" 390 3 [Curry];
        216 "Strong bread flour 1.5 kg" 190 5 [Baking];
        217 "Dried yeast, 10 sachets" 180 4 [Baking];
        218 "Vanilla pods, 2 pcs" 690 2 [Baking];
        219 "Dark baking chocolate 200 g" 320 3 [Baking];
        220 "Ground almonds 200 g" 380 3 [Baking];
        221 "Rolled oats 1 kg" 210 4 [Breakfast];
        222 "Wildflower honey 500 g" 720 3 [Breakfast TeaCorner];
        223 "Salted popcorn 150 g" 230 4 [GameNight CosyEvenings];
        224 "Smoked paprika 60 g" 350 3 [Barbecue];
        225 "Hickory barbecue sauce 400 ml" 420 4 [Barbecue];
    }
    "Kitchen" "KI" {
        301 "Cast-iron skillet 26 cm" 4490 3 [FirstFlat Barbecue];
        302 "Pasta pot with strainer 5 l" 3990 2 [PastaNight FirstFlat];
        303 "Hand-cranked pasta machine" 5490 2 [PastaNight];
        304 "Four-sided grater" 1290 3 [PastaNight FirstFlat];
        305 "Wooden spoons, set of 3" 790 3 [FirstFlat];
        306 "Garlic press" 1190 2 [PastaNight];
        307 "Beech pepper mill" 1890 2 [PastaNight];
        308 "Granite pestle and mortar" 2690 3 [Curry];
        309 "Spice jars, set of 12" 1990 3 [Curry];
        310 "Enamelled Dutch oven 4.5 l" 7990 2 [Baking Curry];
        311 "Round proofing basket" 1490 3 [Baking];
        312 "Digital kitchen scales" 1990 3 [Baking Barista];
        313 "Springform tin 26 cm" 1290 3 [Baking];
        314 "Muffin tray, 12 cups" 1390 3 [Baking Party];
        315 "Maple rolling pin" 1190 2 [Baking];
        316 "Piping bag with 6 nozzles" 990 2 [Baking Party];
        317 "Silicone spatula" 590 3 [Baking];
        318 "Chef's knife 20 cm" 4990 3 [FirstFlat];
        319 "Acacia chopping board" 2490 3 [FirstFlat];
        320 "Dinner plates, set of 6" 3490 3 [FirstFlat];
        321 "Cutlery set, 24 pieces" 3990 3 [FirstFlat];
        322 "Water glasses, set of 6" 1490 3 [FirstFlat];
        323 "Barbecue tongs 40 cm" 1290 3 [Barbecue];
        324 "Meat thermometer" 1690 2 [Barbecue];
        325 "Lunch box with divider" 1390 3 [School HomeOffice];
    }
    "Camping & hiking" "CH" {
        401 "Dome tent, 3 persons" 12900 3 [Camping];
        402 "Self-inflating sleeping mat" 4990 4 [Camping];
        403 "Three-season sleeping bag" 7990 4 [Camping];
        404 "Single-burner camping stove" 2990 4 [Camping];
        405 "Gas cartridge 450 g" 790 4 [Camping];
        406 "Enamel mug 350 ml" 690 3 [Camping CosyEvenings];
        407 "Titanium spork" 990 3 [Camping Hiking];
        408 "LED headlamp" 2490 3 [Camping Running];
        409 "Rechargeable camping lantern" 2790 3 [Camping];
        410 "Folding camp chair" 2490 3 [Camping];
        411 "Insect repellent 100 ml" 790 3 [Camping Hiking];
        412 "Waterproof matches, 4 boxes" 350 3 [Camping Barbecue];
        413 "Tent pegs, set of 10" 890 2 [Camping];
        414 "Tarpaulin 3 x 4 m" 1590 2 [Camping];
        415 "Cool box 24 l" 3490 3 [Barbecue Camping];
        416 "Hiking backpack 30 l" 6990 3 [Hiking Travel];
        417 "Trekking poles, pair" 4490 3 [Hiking];
        418 "Merino hiking socks" 1790 4 [Hiking];
        419 "Packable rain jacket" 5990 3 [Hiking Travel];
        420 "Vacuum flask 0.75 l" 2490 3 [Hiking];
        421 "Blister plasters, 6 pcs" 450 4 [Hiking Running];
        422 "Waterproof map case" 1290 2 [Hiking];
        423 "Oat energy bars, 12 pcs" 1490 3 [Hiking Cycling Running];
        424 "Charcoal briquettes 3 kg" 590 5 [Barbecue];
        425 "Kettle barbecue 47 cm" 9990 2 [Barbecue];
    }
    "Sport" "SP" {
        501 "Merino running socks" 1490 5 [Running];
        502 "Running belt with pocket" 1790 3 [Running];
        503 "Reflective vest" 1290 3 [Running Cycling];
        504 "Soft flask 500 ml" 1490 3 [Running];
        505 "Foam roller" 2290 3 [Running Yoga HomeGym];
        506 "Yoga mat 6 mm" 2990 4 [Yoga];
        507 "Cork yoga blocks, pair" 1990 3 [Yoga];
        508 "Cotton yoga strap" 890 3 [Yoga];
        509 "Meditation cushion" 3490 3 [Yoga];
        510 "Resistance bands, set of 5" 1690 4 [HomeGym Yoga];
        511 "Kettlebell 12 kg" 3990 3 [HomeGym];
        512 "Adjustable dumbbells, pair" 8990 3 [HomeGym];
        513 "Skipping rope" 1190 3 [HomeGym];
        514 "Doorway pull-up bar" 3490 3 [HomeGym];
        515 "Protein powder, vanilla 1 kg" 2490 4 [HomeGym];
        516 "Shaker bottle 600 ml" 890 4 [HomeGym];
        517 "Swimming goggles" 1690 4 [Pool];
        518 "Silicone swim cap" 790 4 [Pool];
        519 "Large microfibre towel" 1590 3 [Pool Travel];
        520 "Foam kickboard" 1290 3 [Pool];
        521 "Bicycle helmet" 5990 3 [Cycling];
        522 "Bicycle lights, front and rear" 2990 4 [Cycling];
        523 "Puncture repair kit" 690 4 [Cycling];
        524 "Bicycle floor pump" 2990 3 [Cycling];
        525 "Chain oil 100 ml" 890 4 [Cycling];
    }
    "Baby & toddler" "BT" {
        601 "Newborn nappies, 84 pcs" 1690 5 [NewBaby];
        602 "Baby wipes, 12 packs" 1490 4 [NewBaby Toddler];
        603 "Nappy cream 100 ml" 590 3 [NewBaby];
        604 "Muslin cloths, set of 6" 1690 4 [NewBaby];
        605 "Anti-colic bottles, set of 3" 2490 3 [NewBaby];
        606 "Bottle brush" 490 3 [NewBaby];
        607 "Steam steriliser" 3990 2 [NewBaby];
        608 "Long-sleeved bodysuits, set of 5" 2490 4 [NewBaby];
        609 "Baby sleeping bag 1.0 tog" 3490 3 [NewBaby];
        610 "Plug-in night light" 1290 3 [NewBaby Toddler];
        611 "Baby monitor" 6990 2 [NewBaby];
        612 "Soothers, pack of 2" 690 3 [NewBaby];
        613 "Changing mat" 1990 3 [NewBaby];
        614 "Baby bath with thermometer" 2490 2 [NewBaby];
        615 "Baby carrier wrap" 4990 2 [NewBaby];
        616 "Nappy pants, 60 pcs" 1790 5 [Toddler];
        617 "Straw cup for toddlers" 890 4 [Toddler];
        618 "Bib with sleeves" 1190 3 [Toddler];
        619 "Wooden high chair" 8990 2 [Toddler];
        620 "Stair gate" 3990 2 [Toddler];
        621 "Wooden stacking rings" 1490 3 [Toddler];
        622 "Picture book, farm animals" 990 4 [Toddler];
        623 "Bath ducks, set of 4" 890 3 [Toddler];
        624 "Finger paints, 6 colours" 1190 3 [Toddler];
        625 "Step stool" 1690 3 [Toddler];
    }
    "Bath & body" "BB" {
        701 "Toilet paper, 16 rolls" 890 5 [Household];
        702 "Mint toothpaste 75 ml" 290 5 [Household];
        703 "Bamboo toothbrushes, pack of 4" 690 3 [Travel BathroomRefit];
        704 "Olive hand soap 300 ml" 390 4 [Household];
        705 "Nettle shampoo 300 ml" 490 3 [Household Pool];
        706 "Citrus shower gel 250 ml" 350 3 [Household Pool];
        707 "Lavender bath salts 500 g" 890 4 [EveningBath];
        708 "Eucalyptus bath oil 200 ml" 1290 3 [EveningBath];
        709 "Scented candle, fig" 1690 3 [EveningBath CosyEvenings];
        710 "Clay face mask 75 ml" 990 3 [EveningBath];
        711 "Shea body lotion 400 ml" 890 3 [EveningBath];
        712 "Natural sponge" 1190 3 [EveningBath];
        713 "Bath pillow" 1790 2 [EveningBath];
        714 "Safety razor, steel" 2990 3 [Shaving];
        715 "Razor blades, 20 pcs" 690 5 [Shaving];
        716 "Shaving brush" 2490 3 [Shaving];
        717 "Sandalwood shaving soap" 990 4 [Shaving];
        718 "Aftershave balm 100 ml" 1290 4 [Shaving];
        719 "Sun cream SPF 30 200 ml" 1190 3 [Pool Travel Camping];
        720 "Travel bottles, set of 4" 790 4 [Travel];
        721 "Canvas toiletry bag" 1990 3 [Travel Shaving];
        722 "Cotton bath towel, grey" 1490 4 [BathroomRefit FirstFlat];
        723 "Bath mat, stone grey" 1990 3 [BathroomRefit];
        724 "Shower curtain, linen look" 2490 3 [BathroomRefit FirstFlat];
        725 "Toilet brush, steel" 1690 3 [BathroomRefit FirstFlat];
    }
    "Tools & DIY" "TD" {
        801 "Cordless drill 18 V" 9990 3 [Woodwork FirstFlat];
        802 "Drill bits, set of 19" 1690 3 [Woodwork];
        803 "Screwdriver set, 12 pieces" 1990 3 [FirstFlat];
        804 "Spirit level 60 cm" 1490 2 [BathroomRefit];
        805 "Tape measure 5 m" 690 3 [Woodwork];
        806 "Wood glue 250 g" 590 4 [Woodwork];
        807 "Sandpaper, assorted grits" 490 4 [Woodwork RoomPainting];
        808 "Bar clamps, pair" 2490 3 [Woodwork];
        809 "Fine pull saw" 2790 3 [Woodwork];
        810 "Jigsaw 650 W" 6990 2 [Woodwork];
        811 "Linseed oil 1 l" 1490 3 [Woodwork];
        812 "Wall plugs and screws, 300 pcs" 990 3 [FirstFlat];
        813 "Wall paint, matt white 10 l" 3990 4 [RoomPainting];
        814 "Wall paint, sage green 2.5 l" 2990 4 [RoomPainting];
        815 "Paint roller set with tray" 1290 4 [RoomPainting];
        816 "Masking tape, 3 rolls" 590 4 [RoomPainting];
        817 "Dust sheet 4 x 5 m" 390 4 [RoomPainting];
        818 "Angled paint brush 50 mm" 690 3 [RoomPainting];
        819 "Wall filler 500 g" 590 3 [RoomPainting];
        820 "Tile adhesive 5 kg" 1490 4 [BathroomRefit];
        821 "Grout, light grey 2 kg" 990 4 [BathroomRefit];
        822 "Bathroom silicone, white" 790 4 [BathroomRefit];
        823 "Caulking gun" 990 3 [BathroomRefit];
        824 "Chrome mixer tap" 6990 3 [BathroomRefit];
        825 "Rain shower head" 4990 3 [BathroomRefit];
    }
    "Garden" "GA" {
        901 "Tomato seedlings, tray of 6" 790 5 [VegetablePatch];
        902 "Peat-free compost 40 l" 990 4 [VegetablePatch Balcony];
        903 "Tomato feed 1 l" 690 4 [VegetablePatch];
        904 "Bamboo canes, 20 pcs" 690 3 [VegetablePatch];
        905 "Jute garden twine" 350 3 [VegetablePatch];
        906 "Radish seeds" 190 3 [VegetablePatch];
        907 "Courgette seeds" 220 3 [VegetablePatch];
        908 "Raised bed, larch" 8990 2 [VegetablePatch];
        909 "Hand trowel" 1190 3 [VegetablePatch Balcony];
        910 "Watering can 10 l" 1690 3 [Balcony VegetablePatch];
        911 "Copper slug rings, 6 pcs" 1490 2 [VegetablePatch];
        912 "Fleece tunnel 3 m" 1790 2 [VegetablePatch];
        913 "Garden gloves" 890 3 [VegetablePatch Lawn];
        914 "Bypass secateurs" 2490 2 [Lawn VegetablePatch];
        915 "Terracotta pots, set of 3" 1490 4 [Balcony];
        916 "Herb seed kit" 1190 4 [Balcony];
        917 "Hanging balcony planter" 1590 3 [Balcony];
        918 "Geraniums, tray of 6" 1290 4 [Balcony];
        919 "Potted lavender" 690 3 [Balcony];
        920 "Solar string lights" 1990 3 [Balcony Party];
        921 "Folding balcony table" 5990 2 [Balcony];
        922 "Lawn seed 1 kg" 1290 4 [Lawn];
        923 "Lawn feed 5 kg" 1990 4 [Lawn];
        924 "Garden hose 25 m" 2990 3 [Lawn];
        925 "Push reel mower" 8990 3 [Lawn];
    }
    "Home" "HO" {
        1001 "Wool throw, oatmeal" 4990 3 [CosyEvenings];
        1002 "Linen cushion cover 45 cm" 1690 4 [CosyEvenings];
        1003 "Beeswax candles, set of 6" 1490 4 [CosyEvenings];
        1004 "Floor lamp, paper shade" 4990 2 [CosyEvenings];
        1005 "Sheepskin slippers" 3990 3 [CosyEvenings];
        1006 "Hot-water bottle, knitted cover" 1690 3 [CosyEvenings BetterSleep];
        1007 "Four-season duvet" 6990 3 [BetterSleep FirstFlat];
        1008 "Memory foam pillow" 3490 3 [BetterSleep];
        1009 "Linen bed set, double" 7990 2 [BetterSleep];
        1010 "Blackout curtains, pair" 3990 3 [BetterSleep NewBaby];
        1011 "Silk sleep mask" 1490 4 [BetterSleep Travel];
        1012 "Soft earplugs, 20 pcs" 590 4 [BetterSleep Travel];
        1013 "Lavender pillow spray" 1190 3 [BetterSleep];
        1014 "Seagrass laundry basket" 3490 2 [FirstFlat];
        1015 "Laundry detergent, 40 washes" 990 4 [Household];
        1016 "Folding clothes airer" 2490 3 [FirstFlat];
        1017 "Clothes hangers, 20 pcs" 1190 3 [FirstFlat];
        1018 "Lemon washing-up liquid 500 ml" 190 4 [Household];
        1019 "Dish sponges, pack of 5" 220 3 [Household];
        1020 "Bin bags 35 l, 50 pcs" 390 4 [Household];
        1021 "Paper napkins, 50 pcs" 290 4 [Party];
        1022 "Bunting 10 m" 990 4 [Party];
        1023 "Balloons, 30 pcs" 490 5 [Party];
        1024 "Birthday candles, 24 pcs" 290 4 [Party Baking];
        1025 "Paper cups, 40 pcs" 450 4 [Party];
    }
    "Pets" "PE" {
        1101 "Dog food, lamb and rice 12 kg" 3990 5 [Dog];
        1102 "Chicken dog chews 500 g" 990 4 [Dog];
        1103 "Rope dog lead 2 m" 1990 3 [Dog];
        1104 "Padded dog harness" 2990 3 [Dog];
        1105 "Orthopaedic dog bed" 5990 2 [Dog];
        1106 "Dog waste bags, 300 pcs" 890 5 [Dog];
        1107 "Knotted rope toy" 790 4 [Dog];
        1108 "Flying disc for dogs" 890 3 [Dog];
        1109 "Quick-dry dog towel" 1290 3 [Dog];
        1110 "Tick tweezers" 590 3 [Dog Hiking];
        1111 "Training clicker" 390 3 [Dog];
        1112 "Cat food, salmon 24 pouches" 1490 5 [Cat];
        1113 "Clumping cat litter 10 l" 990 5 [Cat];
        1114 "Cat litter scoop" 490 3 [Cat];
        1115 "Sisal scratching post" 3990 3 [Cat];
        1116 "Catnip mice, set of 3" 590 4 [Cat];
        1117 "Feather wand" 690 4 [Cat];
        1118 "Crinkle tunnel for cats" 1690 3 [Cat];
        1119 "Cat carrier" 2990 2 [Cat];
        1120 "Cat grass seeds" 290 3 [Cat];
        1121 "Aquarium 54 l" 6990 2 [Aquarium];
        1122 "Internal aquarium filter" 2490 3 [Aquarium];
        1123 "Fish flakes 250 ml" 590 5 [Aquarium];
        1124 "Aquarium gravel 5 kg" 990 3 [Aquarium];
        1125 "Aquarium water conditioner 250 ml" 790 4 [Aquarium];
    }
    "Desk & hobby" "DH" {
        1201 "Dotted notebook A5" 990 4 [HomeOffice School];
        1202 "Black gel pens, 10 pcs" 690 4 [HomeOffice School];
        1203 "LED desk lamp" 3490 3 [HomeOffice];
        1204 "Aluminium laptop stand" 3990 3 [HomeOffice];
        1205 "Wireless keyboard" 4990 3 [HomeOffice];
        1206 "Felt desk mat" 1990 3 [HomeOffice];
        1207 "Sticky notes, 6 pads" 450 4 [HomeOffice School];
        1208 "Cable organiser" 890 3 [HomeOffice];
        1209 "School backpack 18 l" 5990 3 [School];
        1210 "Pencil case" 1290 4 [School];
        1211 "Coloured pencils, 24 pcs" 1490 4 [School Watercolour];
        1212 "Geometry set" 590 4 [School];
        1213 "Watercolour set, 24 pans" 2990 5 [Watercolour];
        1214 "Watercolour paper A4, 20 sheets" 1390 5 [Watercolour];
        1215 "Round brushes, set of 5" 1690 4 [Watercolour];
        1216 "Masking fluid 45 ml" 790 3 [Watercolour];
        1217 "Merino yarn, moss green 50 g" 690 5 [Knitting];
        1218 "Circular knitting needles 4 mm" 890 4 [Knitting];
        1219 "Stitch markers, 20 pcs" 390 4 [Knitting];
        1220 "Crochet hooks, set of 8" 1490 3 [Knitting];
        1221 "Card game, foxes and hens" 990 4 [GameNight Travel];
        1222 "Board game, the lighthouse keepers" 3490 4 [GameNight];
        1223 "Jigsaw puzzle, alpine lake 1,000 pcs" 1590 4 [GameNight];
        1224 "Wooden chess set" 3990 3 [GameNight];
        1225 "Dice set with leather cup" 1290 3 [GameNight];
    }
}

/// Products that go together: who takes one of a line is likely to take another of it too.
pub(super) const TOGETHER: &[&[&str]] = &[
    &["CT-101", "CT-104", "CT-108"],
    &["CT-101", "CT-116", "CT-106"],
    &["CT-107", "CT-110", "KI-312"],
    &["CT-103", "CT-112", "CT-111"],
    &["CT-102", "CT-109"],
    &["CT-113", "CT-103", "CH-404"],
    &["CT-118", "CT-122", "CT-123"],
    &["CT-119", "CT-124", "CT-115"],
    &["CT-120", "CT-121", "PA-222"],
    &["CT-125", "CH-406", "HO-1001"],
    &["PA-201", "PA-203", "PA-206", "KI-304"],
    &["PA-202", "KI-303", "KI-315"],
    &["PA-204", "PA-201", "GA-916"],
    &["PA-205", "PA-208", "KI-307"],
    &["PA-209", "PA-211", "PA-215"],
    &["PA-212", "PA-213", "PA-214", "KI-308", "KI-309"],
    &["PA-216", "PA-217", "KI-311", "KI-310"],
    &["PA-219", "KI-313", "PA-220", "PA-218"],
    &["KI-314", "KI-316", "HO-1024"],
    &["PA-221", "PA-222"],
    &["PA-225", "CH-424", "KI-323"],
    &["CH-425", "CH-424", "KI-324"],
    &["KI-318", "KI-319"],
    &["KI-320", "KI-321", "KI-322"],
    &["CH-401", "CH-402", "CH-403", "CH-413"],
    &["CH-404", "CH-405", "CH-412", "CH-406"],
    &["CH-408", "CH-409"],
    &["CH-410", "CH-415"],
    &["CH-416", "CH-419", "CH-420"],
    &["CH-418", "CH-421", "CH-417"],
    &["SP-501", "CH-421", "SP-502"],
    &["SP-503", "CH-408"],
    &["SP-504", "CH-423"],
    &["SP-506", "SP-507", "SP-508"],
    &["SP-511", "SP-512", "SP-513"],
    &["SP-515", "SP-516"],
    &["SP-517", "SP-518", "SP-519"],
    &["SP-521", "SP-522"],
    &["SP-523", "SP-524", "SP-525"],
    &["BT-601", "BT-602", "BT-603"],
    &["BT-605", "BT-606", "BT-607"],
    &["BT-608", "BT-604"],
    &["BT-609", "HO-1010", "BT-611"],
    &["BT-616", "BT-602"],
    &["BT-617", "BT-618", "BT-619"],
    &["BT-623", "BT-625"],
    &["BB-707", "BB-709", "BB-713"],
    &["BB-708", "BB-712", "BB-711"],
    &["BB-714", "BB-715", "BB-717", "BB-716"],
    &["BB-720", "BB-721", "BB-703"],
    &["BB-722", "BB-723", "BB-724"],
    &["TD-801", "TD-802", "TD-812"],
    &["TD-806", "TD-808", "TD-809"],
    &["TD-813", "TD-815", "TD-817"],
    &["TD-814", "TD-816", "TD-818"],
    &["TD-819", "TD-807"],
    &["TD-820", "TD-821"],
    &["TD-822", "TD-823"],
    &["TD-824", "TD-825"],
    &["GA-901", "GA-903", "GA-904", "GA-905"],
    &["GA-902", "GA-915", "GA-918"],
    &["GA-908", "GA-902", "GA-911"],
    &["GA-922", "GA-923", "GA-924"],
    &["HO-1007", "HO-1008", "HO-1009"],
    &["HO-1011", "HO-1012"],
    &["HO-1022", "HO-1023", "HO-1021", "HO-1025"],
    &["PE-1101", "PE-1106", "PE-1102"],
    &["PE-1103", "PE-1104"],
    &["PE-1102", "PE-1111"],
    &["PE-1112", "PE-1113", "PE-1114"],
    &["PE-1116", "PE-1117", "PE-1118"],
    &["PE-1121", "PE-1122", "PE-1124", "PE-1125"],
    &["DH-1204", "DH-1205", "DH-1206"],
    &["DH-1201", "DH-1202"],
    &["DH-1209", "DH-1210", "DH-1212", "KI-325"],
    &["DH-1213", "DH-1214", "DH-1215"],
    &["DH-1217", "DH-1218", "DH-1219"],
    &["DH-1222", "PA-223"],
];
